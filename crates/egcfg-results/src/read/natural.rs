//! Order of ids as people count.

use std::cmp::Ordering;

/// Compares two ids: numbers in them by value, the rest by text.
pub fn natural(a: &str, b: &str) -> Ordering {
    fn key(text: &str) -> Vec<(bool, u128, String)> {
        let mut parts: Vec<(bool, u128, String)> = Vec::new();
        for c in text.chars() {
            match (c.to_digit(10), parts.last_mut()) {
                (Some(digit), Some((true, value, _))) => {
                    *value = value.saturating_mul(10).saturating_add(u128::from(digit));
                }
                (Some(digit), _) => parts.push((true, u128::from(digit), String::new())),
                (None, Some((false, _, text))) => text.push(c),
                (None, _) => parts.push((false, 0, c.to_string())),
            }
        }
        parts
    }
    key(a).cmp(&key(b)).then_with(|| a.cmp(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_as_people_count() {
        let mut ids = ["HumanEval/10", "HumanEval/9", "2", "11", "a1b2", "a1b10"];
        ids.sort_by(|a, b| natural(a, b));
        assert_eq!(ids, ["HumanEval/9", "HumanEval/10", "a1b2", "a1b10", "2", "11"]);
    }
}
