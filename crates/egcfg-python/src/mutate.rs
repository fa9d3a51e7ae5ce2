//! Other calls of the same function, made from a call that a test holds: each literal of an argument is changed a little. What they
//! should give is not known; two programs can be held against each other by what they give.

use ruff_python_ast::{Expr, ExprCall, Number, UnaryOp};
use ruff_text_size::{Ranged, TextRange};

use crate::parse::with_expression;
use crate::quoted::literal;

/// At most `most` variants of a call, in a fixed order: for each literal in its arguments in turn the first change, then for each
/// the second, and so on. Numbers are moved by one and set to 0, texts and lists lose an end, are turned round, doubled and emptied.
/// Empty where the text is no call or its arguments hold no literal.
///
/// ```
/// assert_eq!(egcfg_python::variants("f([1, 2], 'ab')", 3), ["f([2], 'ab')", "f([2, 2], 'ab')", "f([1, 3], 'ab')"]);
/// ```
pub fn variants(call: &str, most: usize) -> Vec<String> {
    let changes = with_expression(call, false, |expression| {
        let mut found = Vec::new();
        if let Expr::Call(ExprCall { arguments, .. }) = expression {
            for argument in arguments.args.iter().chain(arguments.keywords.iter().map(|own| &own.value)) {
                collect(call, argument, &mut found);
            }
        }
        found
    });
    let changes = changes.unwrap_or_default();
    let longest = changes.iter().map(|(_, texts)| texts.len()).max().unwrap_or(0);
    let mut made: Vec<String> = Vec::new();
    for round in 0..longest {
        for (range, texts) in &changes {
            let Some(text) = texts.get(round) else { continue };
            let (start, end) = (usize::from(range.start()), usize::from(range.end()));
            let variant = format!("{}{text}{}", &call[..start], &call[end..]);
            if made.len() < most && variant != call && !made.contains(&variant) {
                made.push(variant);
            }
        }
    }
    made
}

/// The literals of an argument, outermost first, each with what may stand in its place.
fn collect(call: &str, argument: &Expr, found: &mut Vec<(TextRange, Vec<String>)>) {
    let texts =
        |items: &[Expr]| -> Vec<String> { items.iter().map(|item| call[item.range()].to_owned()).collect() };
    match argument {
        Expr::NumberLiteral(number) => found.push((number.range(), numbers(&number.value, 1))),
        Expr::UnaryOp(negative) if negative.op == UnaryOp::USub => {
            if let Expr::NumberLiteral(number) = &*negative.operand {
                found.push((negative.range(), numbers(&number.value, -1)));
            }
        }
        Expr::StringLiteral(text) => {
            let changed = sequences(&text.value.to_str().chars().collect::<Vec<char>>());
            let changed = changed.into_iter().map(|own| literal(&own.into_iter().collect::<String>()));
            found.push((text.range(), changed.collect()));
        }
        Expr::List(list) => {
            let changed =
                sequences(&texts(&list.elts)).into_iter().map(|own| format!("[{}]", own.join(", ")));
            found.push((list.range(), changed.collect()));
            list.elts.iter().for_each(|item| collect(call, item, found));
        }
        // The length of a tuple is part of what a function takes: only what stands in it changes.
        Expr::Tuple(tuple) => tuple.elts.iter().for_each(|item| collect(call, item, found)),
        Expr::Set(set) => set.elts.iter().for_each(|item| collect(call, item, found)),
        Expr::Dict(dict) => dict.items.iter().for_each(|item| collect(call, &item.value, found)),
        _ => {}
    }
}

fn numbers(value: &Number, sign: i64) -> Vec<String> {
    match value {
        Number::Int(own) => own.as_i64().and_then(|own| own.checked_mul(sign)).map_or_else(Vec::new, |own| {
            let moved = [own.checked_add(1), own.checked_sub(1), Some(0), own.checked_mul(-2)];
            moved.into_iter().flatten().filter(|other| *other != own).map(|other| other.to_string()).collect()
        }),
        Number::Float(own) => {
            let own = own * sign as f64;
            [own + 0.5, own - 1.0, 0.0].map(|other| format!("{other:?}")).to_vec()
        }
        Number::Complex { .. } => Vec::new(),
    }
}

/// A sequence without its first element, without its last one, turned round, doubled, empty.
fn sequences<T: Clone + PartialEq>(items: &[T]) -> Vec<Vec<T>> {
    let Some(last) = items.len().checked_sub(1) else { return Vec::new() };
    let turned: Vec<T> = items.iter().rev().cloned().collect();
    let all = [items[1..].to_vec(), items[..last].to_vec(), turned, [items, items].concat(), Vec::new()];
    let mut made: Vec<Vec<T>> = Vec::new();
    for one in all {
        if one != items && !made.contains(&one) {
            made.push(one);
        }
    }
    made
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::variants;
    use crate::check;
    use crate::version::PythonVersion;

    #[test]
    fn every_literal_changes_and_nothing_else_does() {
        let all = variants("f(-3, key='ab', other=x)", 20);
        assert!(all.contains(&"f(-2, key='ab', other=x)".to_owned()), "{all:?}");
        assert!(all.contains(&"f(6, key='ab', other=x)".to_owned()), "{all:?}");
        assert!(all.contains(&"f(-3, key=\"ba\", other=x)".to_owned()), "{all:?}");
        assert!(all.iter().all(|call| call.ends_with("other=x)")));
        let nested = variants("f([[1, 2], [3]])", 30);
        assert!(nested.contains(&"f([[3]])".to_owned()) && nested.contains(&"f([[1, 2], [4]])".to_owned()));
        for none in ["f()", "f(x)", "f(True)", "1 + 2", "f(", ""] {
            assert!(variants(none, 9).is_empty(), "{none}");
        }
    }

    proptest! {
        #[test]
        fn variants_are_distinct_calls_that_python_reads(
            items in prop::collection::vec(prop_oneof!["-?[0-9]{1,4}", "'[a-z]{0,3}'", "[0-9]\\.[0-9]", "\\[[0-9], [0-9]\\]"], 0..5),
        ) {
            let call = format!("f([{}], {})", items.join(", "), items.first().map_or("None", String::as_str));
            let all = variants(&call, 12);
            prop_assert!(all.len() <= 12 && !all.contains(&call));
            for (at, one) in all.iter().enumerate() {
                prop_assert!(!all[..at].contains(one), "{one}");
                prop_assert!(check(one, PythonVersion::default()).is_ok(), "{one}");
            }
        }
    }
}
