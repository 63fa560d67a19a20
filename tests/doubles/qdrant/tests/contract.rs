//! The contract of the stand-in: what it answers, held against recordings of a real server and, on request, a
//! real server itself.
//!
//! With `QDRANT_CONTRACT_URL` (and `QDRANT_CONTRACT_GRPC_URL`) set, the exchanges in `collections`, `points`,
//! `snapshots` and `grpc` run against that server instead of the stand-in. They touch only collections whose name
//! begins with `contract-`, and delete them at the end; their snapshot files stay on the server.

#![expect(clippy::unwrap_used, reason = "a test ends where its server does not answer as expected")]
#![expect(clippy::unreadable_literal, reason = "numbers stand as they come over the wire")]

#[path = "contract/collections.rs"]
mod collections;
#[path = "contract/failures.rs"]
mod failures;
#[path = "contract/grpc.rs"]
mod grpc;
#[path = "contract/peer.rs"]
mod peer;
#[path = "contract/points.rs"]
mod points;
#[path = "contract/replay.rs"]
mod replay;
#[path = "contract/snapshots.rs"]
mod snapshots;
#[path = "contract/storage.rs"]
mod storage;
