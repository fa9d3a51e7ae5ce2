//! From merges to SentencePiece scores. llama.cpp joins the two neighbours whose joined text has the best score;
//! `tokenizer.json` ranks pairs. The two agree where the ranks come from scores, as they do in files that were made from a
//! SentencePiece model: every way to make a token is listed, and all of a token's ways stand together. This is checked,
//! because otherwise tokens would differ silently.

use std::collections::HashMap;

use crate::error::Problem;

/// Score of what no merge makes. Single characters need none; nothing is joined to an added token.
const NEVER: f32 = -1e9;

/// A score per token: the better, the earlier its first merge.
pub(crate) fn of(
    texts: &[String],
    kinds: &[i32],
    merges: &[(&str, &str)],
    normal: i32,
) -> Result<Vec<f32>, Problem> {
    let by_text: HashMap<&str, usize> = texts
        .iter()
        .enumerate()
        .filter(|(id, _)| kinds[*id] == normal)
        .map(|(id, text)| (text.as_str(), id))
        .collect();
    let mut scores = vec![NEVER; texts.len()];
    let mut ways = vec![0_usize; texts.len()];
    let (mut last, mut made) = (None, 0_u32);
    for (rank, (left, right)) in merges.iter().enumerate() {
        let joined = [*left, *right].concat();
        // Merges of control tokens' spellings stand in some files; llama.cpp cannot be told of them.
        let Some(id) = by_text.get(joined.as_str()).copied() else { continue };
        if last != Some(id) {
            if ways[id] > 0 {
                return Err(Problem::field(
                    format!("model.merges[{rank}]"),
                    format!(
                        "{joined:?} was made by an earlier merge, and others stand between: these ranks come from no scores"
                    ),
                ));
            }
            made += 1;
            scores[id] = -(made as f32);
            last = Some(id);
        }
        ways[id] += 1;
    }
    for (text, id) in &by_text {
        let all = text
            .char_indices()
            .skip(1)
            .filter(|(at, _)| by_text.contains_key(&text[..*at]) && by_text.contains_key(&text[*at..]))
            .count();
        if all > ways[*id] {
            return Err(Problem::field(
                "model.merges",
                format!("{text:?} can be made in {all} ways, of which {} are listed", ways[*id]),
            ));
        }
    }
    Ok(scores)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(all: &[&str]) -> Vec<String> {
        all.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn ranks_become_falling_scores() {
        let texts = texts(&["a", "b", "ab", "aba"]);
        let scores = of(&texts, &[1; 4], &[("a", "b"), ("ab", "a")], 1).unwrap();
        assert!(scores[2] > scores[3] && scores[3] > scores[0]);
    }

    #[test]
    fn ranks_that_come_from_no_scores_are_refused() {
        let all = texts(&["a", "b", "c", "ab", "bc", "abc", "cc"]);
        let apart = [("a", "b"), ("b", "c"), ("ab", "c"), ("c", "c"), ("a", "bc")];
        let error = of(&all, &[1; 7], &apart, 1).unwrap_err().to_string();
        assert!(error.contains("merges[4]") && error.contains("abc"), "{error}");
        let missing = [("a", "b"), ("b", "c"), ("ab", "c"), ("c", "c")];
        let error = of(&all, &[1; 7], &missing, 1).unwrap_err().to_string();
        assert!(error.contains("2 ways, of which 1"), "{error}");
    }
}
