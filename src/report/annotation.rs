//! An error annotation for the page of a GitHub workflow run, the only workflow command we write.

/// `message` as an `::error::` line. Line ends and `%` are encoded the way the runner decodes them.
#[must_use]
pub fn annotation(message: &str) -> String {
    let data = message.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    format!("::error title=wait-ready::{data}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_cannot_end_the_line_or_smuggle_an_escape() {
        let line = annotation("a\nb\r::stop-commands::x %0A::error::y");
        assert_eq!(line, "::error title=wait-ready::a%0Ab%0D::stop-commands::x %250A::error::y");
    }
}
