//! The program in a query: what follows the prompt, without marks of the end, without the talk around the code.

/// What a model answered: the query without its prompt and without the special tokens at its end.
pub(crate) fn answer<'q>(query: &'q str, prompt: Option<&str>) -> &'q str {
    let prompt = prompt.filter(|prompt| !prompt.is_empty());
    let rest = prompt.and_then(|prompt| {
        // Whoever decodes tokens may have put one before the prompt.
        let at = query.find(prompt)?;
        query.get(at + prompt.len()..)
    });
    let mut answer = rest.unwrap_or(query).trim_end();
    while let Some(shorter) = without_mark(answer) {
        answer = shorter.trim_end();
    }
    answer
}

/// The text without one special token at its end, such as `<|im_end|>`, `</s>` or `<eos>`. No Python program ends with `>`.
fn without_mark(text: &str) -> Option<&str> {
    let (before, mark) = text.strip_suffix('>')?.rsplit_once('<')?;
    let letters =
        |c: char| c.is_alphanumeric() || matches!(c, '|' | '_' | '/' | '-' | '\u{2581}' | '\u{ff5c}');
    (!mark.is_empty() && mark.chars().count() <= 40 && mark.chars().all(letters)).then_some(before)
}

#[cfg(test)]
mod tests {
    use super::answer;

    #[test]
    fn the_answer_is_what_the_model_wrote() {
        for (query, prompt, expected) in [
            ("Q: add\ndef f(x):\n    return x", Some("Q: add\n"), "def f(x):\n    return x"),
            ("<s>Q: addA<|im_end|>\n<|endoftext|><|endoftext|>", Some("Q: add"), "A"),
            ("A</s>", None, "A"),
            ("A<\u{ff5c}end\u{2581}of\u{2581}sentence\u{ff5c}>", None, "A"),
            ("Q", Some("another"), "Q"),
            ("x = a <b> c", None, "x = a <b> c"),
            ("x <", None, "x <"),
            ("", Some(""), ""),
        ] {
            assert_eq!(answer(query, prompt), expected, "{query}");
        }
    }
}
