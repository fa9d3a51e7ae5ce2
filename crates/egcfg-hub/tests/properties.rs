//! What comes from elsewhere is read without trust: names, lists of files, and every file of a checkpoint, whole, changed in one
//! place, or cut short. Whatever it is, the answer is a result or an error, nothing is left behind, and no path leads out of
//! its folder.

#![allow(
    clippy::unwrap_used,
    clippy::needless_pass_by_value,
    clippy::case_sensitive_file_extension_comparisons,
    reason = "test helpers"
)]

#[path = "support/checkpoint.rs"]
mod checkpoint;
#[path = "support/formula.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod formula;

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use egcfg_hub::checkpoint::{Options, convert};
use egcfg_hub::{HubName, Pick, choose, quantisation};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Parts of names as the hub allows them.
fn word() -> impl Strategy<Value = String> {
    "[A-Za-z0-9_][A-Za-z0-9_-]{0,8}([.][A-Za-z0-9_-]{1,6}){0,2}"
}

/// Any JSON, numbers at the edges included.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        prop_oneof![
            Just(0_i64),
            Just(-1),
            Just(1),
            Just(i64::MAX),
            Just(i64::MIN),
            Just(4_294_967_295),
            Just(1 << 40),
            any::<i64>()
        ]
        .prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        prop_oneof![Just(0.0_f64), Just(-1.5), Just(1e308), Just(5e-324)].prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec(("[a-z_]{0,8}", inner), 0..4)
                .prop_map(|all| Value::Object(all.into_iter().collect())),
        ]
    })
}

/// Paths to all places of a value, but of long tables only to the first of their entries.
fn places(value: &Value, path: &str, out: &mut Vec<String>) {
    let mut add = |key: String, child: &Value| {
        let path = format!("{path}/{}", key.replace('~', "~0").replace('/', "~1"));
        out.push(path.clone());
        places(child, &path, out);
    };
    match value {
        Value::Object(fields) => fields.iter().take(30).for_each(|(key, child)| add(key.clone(), child)),
        Value::Array(items) => {
            for (at, child) in items.iter().take(10).enumerate() {
                add(at.to_string(), child);
            }
        }
        _ => {}
    }
}

/// Puts something in the place of one of a value's parts.
fn changed(mut value: Value, place: prop::sample::Index, by: Value) -> Value {
    let mut all = Vec::new();
    places(&value, "", &mut all);
    let path = &all[place.index(all.len())];
    *value.pointer_mut(path).unwrap() = by;
    value
}

/// Converts a folder; whatever comes of it, the folder around it holds the file and nothing else, or nothing.
fn converted(folder: &Path) -> Result<u64, String> {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("out.gguf");
    let ended = convert(folder, &out, &Options::default(), &mut |_| ControlFlow::Continue(()));
    let left = fs::read_dir(place.path()).unwrap().count();
    match ended {
        Ok(summary) => {
            assert_eq!((left, fs::metadata(&out).unwrap().len()), (1, summary.bytes));
            Ok(summary.bytes)
        }
        Err(error) => {
            assert_eq!(left, 0, "{error}");
            Err(error.to_string())
        }
    }
}

const FAMILIES: [&str; 2] = ["deepseek-coder", "codellama"];

proptest! {
    #[test]
    fn no_name_leads_out_of_the_cache(text in "[a-z./:@~\\\\ -]{0,24}|\\PC{0,24}") {
        if let Some(name) = HubName::parse(&text) {
            let mut parts = vec![name.user.clone(), name.repo.clone(), name.revision.clone()];
            match &name.pick {
                Pick::Default => {}
                Pick::Quantisation(tag) => parts.push(tag.clone()),
                Pick::File(path) => parts.extend(path.split('/').map(str::to_owned)),
            }
            for part in parts {
                prop_assert!(!part.is_empty() && !part.starts_with('.') && !part.contains(".."), "{text:?}: {part:?}");
                prop_assert!(!part.contains(['/', '\\', ':', '@', '~', ' ']), "{text:?}: {part:?}");
            }
        }
    }

    #[test]
    fn names_are_read_as_they_are_written(
        user in word(), repo in word(), revision in prop::option::of(word()), kind in 0..3, more in word(),
    ) {
        prop_assume!(!repo.to_lowercase().ends_with(".gguf"));
        let at = revision.as_ref().map_or(String::new(), |revision| format!("@{revision}"));
        let (tail, pick) = match kind {
            0 => (String::new(), Pick::Default),
            1 => (format!(":{more}"), Pick::Quantisation(more)),
            _ => (format!("/sub/{more}.gguf"), Pick::File(format!("sub/{more}.gguf"))),
        };
        let revision = revision.unwrap_or_else(|| "main".to_owned());
        prop_assert_eq!(HubName::parse(&format!("{user}/{repo}{at}{tail}")), Some(HubName { user, repo, revision, pick }));
    }

    #[test]
    fn the_choice_is_one_of_the_files_and_knows_no_order(
        mut files in prop::collection::vec(
            "(sub/)?[a-z]{1,4}([.-](Q8_0|q4_k_m|f16|IQ4_XS|x))?(-0000[12]-of-00002)?[.](gguf|json|safetensors)", 0..8,
        ),
        tag in prop_oneof![Just("Q8_0"), Just("Q4_K_M"), Just("f16")],
    ) {
        files.sort();
        files.dedup();
        let reversed: Vec<String> = files.iter().rev().cloned().collect();
        for pick in [Pick::Default, Pick::Quantisation(tag.to_owned())] {
            let chosen = choose(&files, &pick);
            prop_assert_eq!(chosen.clone().ok(), choose(&reversed, &pick).ok());
            if let Ok(Some(file)) = chosen {
                prop_assert!(files.iter().any(|one| one == file) && file.ends_with(".gguf"), "{}", file);
                prop_assert!(!file.contains("-00002-of"), "{}", file);
                let own = quantisation(file);
                prop_assert!(pick == Pick::Default || own.is_some_and(|own| own.eq_ignore_ascii_case(tag)), "{}", file);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: match ProptestConfig::default().cases { 256 => 160, asked => asked }, ..ProptestConfig::default() })]

    #[test]
    fn a_changed_file_of_a_checkpoint_is_converted_or_refused(
        family in 0..FAMILIES.len(),
        file in prop::sample::select(vec!["config.json", "tokenizer.json", "tokenizer_config.json"]),
        place in any::<prop::sample::Index>(),
        by in any_json(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        checkpoint::checkpoint(FAMILIES[family], folder.path(), false);
        let path = folder.path().join(file);
        let value = changed(checkpoint::read(&path), place, by);
        fs::write(&path, value.to_string()).unwrap();
        if let Err(said) = converted(folder.path()) {
            prop_assert!(!said.is_empty());
        }
    }

    #[test]
    fn broken_weights_are_refused_and_never_read_beyond_their_file(
        family in 0..FAMILIES.len(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), 1_u8..=255), 0..4),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let folder = tempfile::tempdir().unwrap();
        checkpoint::checkpoint(FAMILIES[family], folder.path(), false);
        let path = folder.path().join("model.safetensors");
        let mut bytes = fs::read(&path).unwrap();
        let header = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        for (at, by) in &flips {
            bytes[at.index(header)] ^= by;
        }
        if let Some(cut) = &cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        fs::write(&path, &bytes).unwrap();
        let ended = converted(folder.path());
        prop_assert!(cut.is_none() || ended.is_err(), "a file that was cut short was converted");
        prop_assert!(cut.is_some() || !flips.is_empty() || ended.is_ok(), "{:?}", ended);
    }

    #[test]
    fn an_index_leads_to_files_of_its_folder_only(
        name in "(\\.\\./|/|\\./|[a-z]{1,3}/)?[a-z.]{0,6}(model[.]safetensors)?", by in any_json(), which in 0..3,
    ) {
        let outside = tempfile::tempdir().unwrap();
        let folder = outside.path().join("coder");
        checkpoint::checkpoint("deepseek-coder", &folder, true);
        // What an index must not be able to reach.
        fs::copy(folder.join("model-00001-of-00002.safetensors"), outside.path().join("model.safetensors")).unwrap();
        let path = folder.join("model.safetensors.index.json");
        let mut index = checkpoint::read(&path);
        match which {
            0 => index["weight_map"]["model.norm.weight"] = json!(name),
            1 => index["weight_map"] = by,
            _ => index = by,
        }
        fs::write(&path, index.to_string()).unwrap();
        let ended = converted(&folder);
        if which == 0 && (name.contains('/') || name.starts_with('.')) {
            prop_assert!(ended.is_err_and(|said| said.contains("weight_map")), "{}", name);
        }
    }
}

/// A table of the size that the file names is made before the weights can be compared with it.
#[test]
fn a_vocabulary_without_bounds_takes_no_memory() {
    let folder = tempfile::tempdir().unwrap();
    checkpoint::checkpoint("deepseek-coder", folder.path(), false);
    let path = folder.path().join("config.json");
    let mut config = checkpoint::read(&path);
    config["vocab_size"] = json!(4_294_967_295_u32);
    fs::write(&path, config.to_string()).unwrap();
    let said = converted(folder.path()).unwrap_err();
    assert!(said.contains("vocab_size"), "{said}");
}
