//! What a file says, as text that a terminal shows and does not obey.

use reqwest::Url;

/// Text in which control characters, and those that reorder or hide others, are escapes.
pub fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter == ' ' || letter.is_ascii_graphic() {
            shown.push(letter);
        } else {
            shown.extend(letter.escape_debug());
        }
    }
    shown
}

/// A command as a shell would take it.
pub(super) fn command_line<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let quote = |word: &str| {
        let word = printable(word);
        shell_words::quote(&word).into_owned()
    };
    words.into_iter().map(quote).collect::<Vec<_>>().join(" ")
}

/// Where a URL leads, without the parts that may be secrets: who logs in, the path below the host, and the query.
pub(super) fn host_of(url: &str) -> String {
    match Url::parse(url) {
        Ok(url) if url.has_host() => {
            let host = url.host_str().unwrap_or_default();
            let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
            let rest = if url.path().len() > 1 || url.query().is_some() { "/…" } else { "" };
            printable(&format!("{}://{host}{port}{rest}", url.scheme()))
        }
        Ok(_) | Err(_) => without_password(url),
    }
}

/// A repository's address without a password.
fn without_password(url: &str) -> String {
    let Some((before, rest)) = url.split_once("://") else { return printable(url) };
    let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    match authority.rsplit_once('@') {
        Some((_, host)) => printable(&format!("{before}://…@{host}{path}")),
        None => printable(url),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_gets_no_commands() {
        assert_eq!(printable("a\u{1b}[2Jb\rc\nd\u{7f}\u{9b}"), "a\\u{1b}[2Jb\\rc\\nd\\u{7f}\\u{9b}");
        assert_eq!(printable("x\u{202e}y\u{200b}z\u{2066}"), "x\\u{202e}y\\u{200b}z\\u{2066}");
        assert_eq!(printable("Grüße, \"世界\" \\ '"), "Grüße, \"世界\" \\ '");
    }

    #[test]
    fn words_stay_apart() {
        assert_eq!(command_line(["curl", "-d", "a b", "it's"]), r"curl -d 'a b' 'it'\''s'");
        assert_eq!(command_line(["a\u{1b}[0m"]), "'a\\u{1b}[0m'");
    }

    #[test]
    fn an_address_shows_no_secret() {
        for (url, shown) in [
            ("https://ntfy.example/my-topic", "https://ntfy.example/…"),
            ("https://ntfy.example", "https://ntfy.example"),
            ("https://me:hunter2@ntfy.example:8443/x?auth=hunter2", "https://ntfy.example:8443/…"),
            ("https://good.example@evil.example/", "https://evil.example"),
            ("rest:https://me:hunter2@host:8000/r", "rest:https://…@host:8000/r"),
            ("sftp:me@host:/srv/r", "sftp:me@host:/srv/r"),
            ("/mnt/disk", "/mnt/disk"),
        ] {
            assert_eq!(host_of(url), shown);
        }
    }
}
