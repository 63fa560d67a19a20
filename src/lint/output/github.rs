//! Findings as workflow commands, which GitHub shows beside the lines of a pull request.
//!
//! The format and its escapes are those of `@actions/core`, `command.ts`.

use crate::lint::finding::{Finding, Severity};

/// One line for each finding.
pub fn github(findings: &[Finding]) -> String {
    findings.iter().map(line).collect()
}

fn line(finding: &Finding) -> String {
    let command = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "notice",
    };
    let place = &finding.place;
    let mut properties = format!(
        "file={},line={},endLine={}",
        property(&place.file.to_string_lossy()),
        place.line,
        place.end_line
    );
    // Columns count only within one line.
    if place.line == place.end_line {
        properties += &format!(",col={},endColumn={}", place.column, place.end_column);
    }
    let help = finding.help.as_ref().map(|help| format!("\n{help}")).unwrap_or_default();
    let rule = property(finding.rule);
    format!("::{command} {properties},title={rule}::{}\n", data(&format!("{}{help}", finding.message)))
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::finding::Place;

    #[test]
    fn what_would_end_a_command_is_escaped() {
        let place = Place { file: "a,b:c%.yml".into(), line: 2, column: 3, end_line: 2, end_column: 9 };
        let mut finding = Finding {
            rule: "some-rule",
            severity: Severity::Error,
            place,
            message: "100% gone::\nreally".into(),
            help: Some("Mend it.".into()),
            service: None,
        };
        assert_eq!(
            github(std::slice::from_ref(&finding)),
            "::error file=a%2Cb%3Ac%25.yml,line=2,endLine=2,col=3,endColumn=9,title=some-rule::\
             100%25 gone::%0Areally%0AMend it.\n"
        );
        finding.severity = Severity::Info;
        finding.place.end_line = 4;
        assert!(github(&[finding]).starts_with("::notice file=a%2Cb%3Ac%25.yml,line=2,endLine=4,title="));
    }
}
