//! The end of a completion that was not stopped where the function ends: a model that was asked for the rest of a function closes the
//! fence that its prompt opened, explains, or begins another function and is cut off.

use crate::definitions::defines;
use crate::lines;
use crate::parse::check;
use crate::version::PythonVersion;

/// The header with as much of its completion as is a valid program; `None` where the whole is one, where the completion does not go
/// on with the header's function (its first line is not indented), or where no beginning of it helps.
///
/// ```
/// use egcfg_python::completed;
///
/// let header = "def f(x):\n";
/// let found = completed(header, "    return x\n```\nThat is it.", Some("f")).unwrap();
/// assert_eq!(found, "def f(x):\n    return x\n");
/// ```
pub fn completed(header: &str, completion: &str, entry_point: Option<&str>) -> Option<String> {
    let completion = lines::unix_newlines(completion);
    let first = completion.split('\n').find(|line| !lines::is_blank(line))?;
    let version = PythonVersion::default();
    if lines::indentation(first).is_empty() || check(&format!("{header}{completion}"), version).is_ok() {
        return None;
    }
    let ends = |line: &str| lines::is_at_margin(line) || line.trim_start().starts_with("```");
    lines::last_begins(&completion, ends).find_map(|cut| {
        let kept = completion[..cut].trim_end();
        let program = format!("{header}{kept}\n");
        let whole = !kept.is_empty()
            && entry_point.is_none_or(|name| defines(&program, name))
            && check(&program, version).is_ok();
        whole.then_some(program)
    })
}

#[cfg(test)]
mod tests {
    use super::completed;

    #[test]
    fn a_completion_ends_where_its_function_does() {
        let (header, body) = ("def f(x):\n    \"\"\" Text. \"\"\"\n", "    y = x\n    return y\n");
        let program = format!("{header}{body}");
        for rest in
            ["```", "```\nIt returns x.\n", "\n\ndef main():\n    f(", "\nassert f(1) == (", "    ```\nSo."]
        {
            assert_eq!(
                completed(header, &format!("{body}{rest}"), Some("f")).as_ref(),
                Some(&program),
                "{rest}"
            );
        }
        let helper = format!("{body}\ndef g():\n    return 1\n");
        assert_eq!(
            completed(header, &format!("{helper}\nprint(f("), Some("f")),
            Some(format!("{header}{helper}"))
        );
        for completion in
            [body.to_owned(), String::new(), "```\n".to_owned(), program.clone(), "    return (".to_owned()]
        {
            assert_eq!(completed(header, &completion, Some("f")), None, "{completion}");
        }
    }
}
