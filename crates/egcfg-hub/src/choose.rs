//! Which GGUF file of a repository is taken when it holds several: nearly lossless first, then what is smaller, because a
//! program that fails for its quantisation fails its tests.

use crate::name::Pick;

/// Quantisations in the order in which they are taken; others come after them, by name.
pub const PREFERENCE: [&str; 14] = [
    "Q8_0", "Q6_K", "Q5_K_M", "Q5_K_S", "Q4_K_M", "Q4_K_S", "Q5_1", "Q5_0", "IQ4_XS", "IQ4_NL", "Q4_1",
    "Q4_0", "F16", "BF16",
];

/// A file name's quantisation: its last part that looks like one, in capitals.
pub fn quantisation(file: &str) -> Option<String> {
    let name = file.rsplit('/').next().unwrap_or(file);
    let stem = name.strip_suffix(".gguf")?;
    let stem = shard(stem).map_or(stem, |(stem, ..)| stem);
    stem.split(['-', '.']).rev().map(str::to_uppercase).find(|part| {
        let digits = part.trim_start_matches(['I', 'T']).strip_prefix('Q').unwrap_or_default();
        matches!(part.as_str(), "F16" | "BF16" | "F32") || digits.starts_with(|c: char| c.is_ascii_digit())
    })
}

/// A stem's shard: the stem without it, its number, and how many there are.
fn shard(stem: &str) -> Option<(&str, u32, u32)> {
    let (rest, count) = stem.rsplit_once("-of-")?;
    let (name, number) = rest.rsplit_once('-')?;
    Some((name, number.parse().ok()?, count.parse().ok()?))
}

/// Of the files of a repository, the one that is meant: for files in shards the first of them. The error lists what there
/// is.
pub fn choose<'a>(files: &'a [String], pick: &Pick) -> Result<Option<&'a str>, String> {
    let mut candidates: Vec<&str> = files
        .iter()
        .map(String::as_str)
        .filter(|file| std::path::Path::new(file).extension().is_some_and(|end| end == "gguf"))
        // Projectors for pictures are no language models.
        .filter(|file| !file.rsplit('/').next().unwrap_or(file).starts_with("mmproj"))
        .filter(|file| shard(file.trim_end_matches(".gguf")).is_none_or(|(_, number, _)| number == 1))
        .collect();
    candidates.sort_by_key(|file| {
        let own = quantisation(file);
        let rank = own.and_then(|own| PREFERENCE.iter().position(|known| *known == own));
        (rank.unwrap_or(PREFERENCE.len()), file.len(), *file)
    });
    let found = match pick {
        Pick::Default => return Ok(candidates.first().copied()),
        Pick::File(path) => candidates.iter().find(|file| *file == path),
        Pick::Quantisation(tag) => {
            candidates.iter().find(|file| quantisation(file).is_some_and(|own| own.eq_ignore_ascii_case(tag)))
        }
    };
    found.copied().map(Some).ok_or_else(|| candidates.join(", "))
}

/// All files that belong to a chosen one: its shards where it has any.
pub(crate) fn shards_of(files: &[String], chosen: &str) -> Vec<String> {
    let stem =
        |file: &str| shard(file.strip_suffix(".gguf")?).map(|(stem, _, count)| (stem.to_owned(), count));
    match stem(chosen) {
        None => vec![chosen.to_owned()],
        some => files.iter().filter(|file| stem(file) == some).cloned().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(all: &[&str]) -> Vec<String> {
        all.iter().map(|file| (*file).to_owned()).collect()
    }

    #[test]
    fn quantisations_are_read_from_names() {
        for (file, expected) in [
            ("coder-1.3b.Q4_K_M.gguf", Some("Q4_K_M")),
            ("Coder-1.5B-q8_0.gguf", Some("Q8_0")),
            ("big-IQ4_XS-00001-of-00003.gguf", Some("IQ4_XS")),
            ("sub/x-f16.gguf", Some("F16")),
            ("coder-1.3b.gguf", None),
            ("readme.md", None),
        ] {
            assert_eq!(quantisation(file).as_deref(), expected, "{file}");
        }
    }

    #[test]
    fn the_nearly_lossless_one_is_taken_unless_another_is_named() {
        let all = files(&[
            "a.Q2_K.gguf",
            "a.f16.gguf",
            "a.Q4_K_M.gguf",
            "a.q8_0.gguf",
            "mmproj-a.f16.gguf",
            "config.json",
        ]);
        assert_eq!(choose(&all, &Pick::Default), Ok(Some("a.q8_0.gguf")));
        assert_eq!(choose(&all, &Pick::Quantisation("q4_k_m".into())), Ok(Some("a.Q4_K_M.gguf")));
        assert!(choose(&all, &Pick::Quantisation("Q5_0".into())).unwrap_err().contains("a.Q2_K.gguf"));
        let shards = files(&["b-Q6_K-00002-of-00002.gguf", "b-Q6_K-00001-of-00002.gguf"]);
        assert_eq!(choose(&shards, &Pick::Default), Ok(Some("b-Q6_K-00001-of-00002.gguf")));
        assert_eq!(choose(&files(&["model.safetensors"]), &Pick::Default), Ok(None));
    }
}
