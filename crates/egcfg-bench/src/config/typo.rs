//! Names that were not found, and the known one that was probably meant.

/// The known name that is nearest to what was found: one letter of three may be wrong.
pub(crate) fn nearest<'a>(found: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let far = found.chars().count().max(3) / 3;
    let distance = |name: &str| strsim::damerau_levenshtein(&found.to_lowercase(), name);
    let near = known.into_iter().map(|name| (distance(name), name)).filter(|(letters, _)| *letters <= far);
    near.min_by_key(|(letters, _)| *letters).map(|(_, name)| name)
}

/// What to say of a key that does not exist.
pub(crate) fn unknown<'a>(key: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> String {
    let then = nearest(key, known.clone()).map_or_else(
        || format!("the fields are {}", known.into_iter().collect::<Vec<_>>().join(", ")),
        |name| format!("did you mean `{name}`?"),
    );
    format!("field `{key}`: there is no such field; {then}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typo_finds_what_was_meant() {
        let known = ["gammas", "retries", "seed", "configurations"];
        for (found, meant) in [
            ("gamma", Some("gammas")),
            ("Retries", Some("retries")),
            ("reties", Some("retries")),
            ("confgurations", Some("configurations")),
            ("sede", Some("seed")),
            ("colour", None),
        ] {
            assert_eq!(nearest(found, known), meant, "{found}");
        }
    }
}
