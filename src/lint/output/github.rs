//! Findings as workflow commands, which GitHub shows next to the lines of a pull request.
//!
//! The format and its escapes are those of `@actions/core`, `command.ts`.

use crate::lint::finding::{LintFinding, LintSeverity};

/// One line for each finding.
pub fn github(findings: &[LintFinding]) -> String {
    findings.iter().map(line).collect()
}

fn line(finding: &LintFinding) -> String {
    let command = match finding.severity {
        LintSeverity::Error => "error",
        LintSeverity::Warning => "warning",
        LintSeverity::Info => "notice",
    };
    let location = &finding.location;
    let mut properties = format!(
        "file={},line={},endLine={}",
        property(&location.file.to_string_lossy()),
        location.line,
        location.end_line
    );
    // Columns are only allowed within one line.
    if location.line == location.end_line {
        properties += &format!(",col={},endColumn={}", location.column, location.end_column);
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
    use crate::lint::finding::FileRange;

    #[test]
    fn special_characters_are_escaped() {
        let location =
            FileRange { file: "a,b:c%.yml".into(), line: 2, column: 3, end_line: 2, end_column: 9 };
        let mut finding = LintFinding {
            rule: "some-rule",
            severity: LintSeverity::Error,
            location,
            message: "100% gone::\nreally".into(),
            help: Some("Fix it.".into()),
            service: None,
        };
        assert_eq!(
            github(std::slice::from_ref(&finding)),
            "::error file=a%2Cb%3Ac%25.yml,line=2,endLine=2,col=3,endColumn=9,title=some-rule::\
             100%25 gone::%0Areally%0AFix it.\n"
        );
        finding.severity = LintSeverity::Info;
        finding.location.end_line = 4;
        assert!(github(&[finding]).starts_with("::notice file=a%2Cb%3Ac%25.yml,line=2,endLine=4,title="));
    }
}
