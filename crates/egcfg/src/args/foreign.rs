//! Flags as people type them who come from other programs. llama.cpp's `-hf` and `-ngl` are words behind one dash, which a
//! parser of single letters reads as `-h -f`; they are put into this program's words before it sees them. What clashes with
//! nothing and is a word behind two dashes is an alias of its flag and stands there.

use std::ffi::OsString;

/// A word of another program's and the flag that means the same here.
const WORDS: [(&str, &str); 3] = [("-hf", "--model"), ("-hfr", "--model"), ("-ngl", "--gpu-layers")];

/// The command line in this program's words. What stands behind `--` is left alone.
pub(crate) fn translated(typed: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut ours = true;
    let each = typed.map(|word| {
        ours &= word != "--";
        let known = WORDS.iter().find(|(theirs, _)| ours && word == *theirs);
        known.map_or(word, |(_, here)| OsString::from(here))
    });
    each.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_llama_cpp_are_understood() {
        let of = |words: &[&str]| translated(words.iter().map(OsString::from));
        assert_eq!(
            of(&["egcfg", "solve", "-hf", "user/repo:Q8_0", "-ngl", "99", "-v"]),
            ["egcfg", "solve", "--model", "user/repo:Q8_0", "--gpu-layers", "99", "-v"]
        );
        assert_eq!(of(&["egcfg", "solve", "--", "-hf"]), ["egcfg", "solve", "--", "-hf"]);
    }
}
