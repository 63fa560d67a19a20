//! The cryptography of TLS connections.

use std::sync::Once;

/// Makes *ring* the provider of this process. Has to be called before a connection is prepared.
pub(crate) fn install_provider() {
    static PROVIDER: Once = Once::new();
    // An error means that one is installed already, which is fine.
    PROVIDER.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
}
