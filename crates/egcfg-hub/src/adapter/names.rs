//! Names of the matrices: PEFT's, after the modules of the checkpoint, and GGUF's, after its tensors.

/// A module of a layer and its tensor in GGUF.
const MODULES: [(&str, &str); 7] = [
    ("self_attn.q_proj", "attn_q"),
    ("self_attn.k_proj", "attn_k"),
    ("self_attn.v_proj", "attn_v"),
    ("self_attn.o_proj", "attn_output"),
    ("mlp.gate_proj", "ffn_gate"),
    ("mlp.up_proj", "ffn_up"),
    ("mlp.down_proj", "ffn_down"),
];

/// Which matrix of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    A,
    B,
}

/// The tensor that a matrix of PEFT's belongs to, and which of the two it is; else why it is not applied.
pub(crate) fn from_peft(name: &str) -> Result<(String, Part), &'static str> {
    for (mark, reason) in [
        ("lora_magnitude_vector", "belongs to a DoRA adapter, which is not applied"),
        ("lora_embedding_", "changes the embedding, which is not applied"),
        ("modules_to_save", "replaces a whole weight, which is not applied"),
        (".bias", "changes a bias, which is not applied"),
    ] {
        if name.contains(mark) {
            return Err(reason);
        }
    }
    let parse = || {
        let name = name.strip_prefix("base_model.model.").unwrap_or(name);
        let name = name.strip_suffix(".weight")?;
        let name = name.strip_suffix(".default").unwrap_or(name);
        let (module, part) = match (name.strip_suffix(".lora_A"), name.strip_suffix(".lora_B")) {
            (Some(module), _) => (module, Part::A),
            (_, Some(module)) => (module, Part::B),
            _ => return None,
        };
        if module == "lm_head" {
            return Some(("output.weight".to_owned(), part));
        }
        let (layer, place) = module.strip_prefix("model.layers.")?.split_once('.')?;
        let layer: u32 = layer.parse().ok()?;
        let (_, tensor) = MODULES.iter().find(|(module, _)| *module == place)?;
        Some((format!("blk.{layer}.{tensor}.weight"), part))
    };
    parse().ok_or(
        "is no matrix of a known module: q, k, v, o, gate, up and down of a layer, and the output, are",
    )
}

/// PEFT's module of a tensor, such as `model.layers.0.self_attn.q_proj`.
pub(crate) fn module(tensor: &str) -> Option<String> {
    if tensor == "output.weight" {
        return Some("lm_head".to_owned());
    }
    let (layer, name) = tensor.strip_prefix("blk.")?.strip_suffix(".weight")?.split_once('.')?;
    let (module, _) = MODULES.iter().find(|(_, tensor)| *tensor == name)?;
    Some(format!("model.layers.{layer}.{module}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_there_and_back() {
        for (module_name, tensor) in MODULES {
            let tensor = format!("blk.11.{tensor}.weight");
            let peft = format!("base_model.model.model.layers.11.{module_name}");
            for (end, part) in [("lora_A.weight", Part::A), ("lora_B.default.weight", Part::B)] {
                assert_eq!(from_peft(&format!("{peft}.{end}")), Ok((tensor.clone(), part)));
            }
            assert_eq!(format!("base_model.model.{}", module(&tensor).unwrap()), peft);
        }
        assert_eq!(from_peft("base_model.model.lm_head.lora_A.weight").unwrap().0, "output.weight");
        for other in ["base_model.model.model.layers.0.self_attn.rotary.lora_A.weight", "x", "lora_A.weight"]
        {
            assert!(from_peft(other).is_err(), "{other}");
        }
    }
}
