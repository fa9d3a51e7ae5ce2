//! Checkpoint folders of four families: their configurations and tokenizers are stored, their weights follow from a formula.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::formula::weight;

/// A file of a family; `data("", ...)` for those of all.
pub(crate) fn data(family: &str, file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../egcfg-hub/tests/data").join(family).join(file)
}

/// A JSON file.
pub(crate) fn read(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// Names and shapes of a checkpoint's tensors, as the family's files have them.
fn tensors(config: &Value) -> Vec<(String, Vec<usize>)> {
    let number = |field: &str| config[field].as_u64().unwrap() as usize;
    let (width, inner, vocab) = (number("hidden_size"), number("intermediate_size"), number("vocab_size"));
    let keys = width / number("num_attention_heads") * number("num_key_value_heads");
    let mut all = vec![("model.embed_tokens.weight".to_owned(), vec![vocab, width])];
    for layer in 0..number("num_hidden_layers") {
        let mut add = |name: &str, shape: &[usize]| {
            all.push((format!("model.layers.{layer}.{name}"), shape.to_vec()));
        };
        add("input_layernorm.weight", &[width]);
        add("post_attention_layernorm.weight", &[width]);
        for (name, rows) in [("q", width), ("k", keys), ("v", keys)] {
            add(&format!("self_attn.{name}_proj.weight"), &[rows, width]);
            if config["model_type"] == "qwen2" {
                add(&format!("self_attn.{name}_proj.bias"), &[rows]);
            }
        }
        add("self_attn.o_proj.weight", &[width, width]);
        add("mlp.gate_proj.weight", &[inner, width]);
        add("mlp.up_proj.weight", &[inner, width]);
        add("mlp.down_proj.weight", &[width, inner]);
    }
    all.push(("model.norm.weight".to_owned(), vec![width]));
    if config["tie_word_embeddings"] == false {
        all.push(("lm_head.weight".to_owned(), vec![vocab, width]));
    }
    all
}

fn write_safetensors(path: &Path, tensors: &[(String, Vec<usize>)]) {
    let all: Vec<_> =
        tensors.iter().map(|(name, shape)| (name.clone(), shape.clone(), weight(name, shape))).collect();
    write_values(path, &all);
}

/// A safetensors file: length of the header, header, data.
pub(crate) fn write_values(path: &Path, tensors: &[(String, Vec<usize>, Vec<f32>)]) {
    let (mut header, mut bytes) = (serde_json::Map::new(), Vec::<u8>::new());
    for (name, shape, values) in tensors {
        let start = bytes.len();
        bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        header.insert(
            name.clone(),
            json!({ "dtype": "F32", "shape": shape, "data_offsets": [start, bytes.len()] }),
        );
    }
    let header = Value::Object(header).to_string();
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.as_bytes());
    file.extend(bytes);
    fs::write(path, file).unwrap();
}

/// A family's checkpoint, in two shards with an index where asked for.
pub(crate) fn checkpoint(family: &str, folder: &Path, sharded: bool) {
    fs::create_dir_all(folder).unwrap();
    for name in ["config.json", "tokenizer.json", "tokenizer_config.json"] {
        fs::copy(data(family, name), folder.join(name)).unwrap();
    }
    let tensors = tensors(&read(&folder.join("config.json")));
    if !sharded {
        return write_safetensors(&folder.join("model.safetensors"), &tensors);
    }
    let mut map = serde_json::Map::new();
    for (number, part) in tensors.chunks(tensors.len().div_ceil(2)).enumerate() {
        let name = format!("model-0000{}-of-00002.safetensors", number + 1);
        write_safetensors(&folder.join(&name), part);
        map.extend(part.iter().map(|(tensor, _)| (tensor.clone(), json!(name))));
    }
    let index = json!({ "metadata": {}, "weight_map": map });
    fs::write(folder.join("model.safetensors.index.json"), index.to_string()).unwrap();
}
