//! Templates in the forms that families of models use, written for these tests; expectations are written out by hand from
//! each family's description of its form. And templates by somebody who means harm.

use std::fmt::Write as _;

use super::{ChatTemplate, ChatText, Thoughts};
use crate::api::{LanguageModel, TokenId};
use crate::chat::text::Piece;
use crate::scripted::ScriptedModel;

/// A family: its template, and what it writes for system, user, assistant, user.
struct Family {
    name: &'static str,
    template: &'static str,
    written: &'static str,
    /// The tag behind an answer.
    turn_end: Option<&'static str>,
}

const FAMILIES: [Family; 10] = [
    Family {
        name: "ChatML",
        template: "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content | trim + '<|im_end|>' + '\n' }}{% endfor %}\
                   {% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}",
        written: "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nU<|im_end|>\n<|im_start|>assistant\nA<|im_end|>\n\
                  <|im_start|>user\nV<|im_end|>\n<|im_start|>assistant\n",
        turn_end: Some("<|im_end|>"),
    },
    Family {
        name: "Llama 2",
        template: "{% if messages[0]['role'] == 'system' %}{% set rest = messages[1:] %}{% set said = messages[0]['content'] %}\
                   {% else %}{% set rest = messages %}{% set said = false %}{% endif %}\
                   {% for m in rest %}\
                   {% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('roles must alternate') }}{% endif %}\
                   {% if loop.index0 == 0 and said != false %}{% set content = '<<SYS>>\n' + said + '\n<</SYS>>\n\n' + m['content'] %}\
                   {% else %}{% set content = m['content'] %}{% endif %}\
                   {% if m['role'] == 'user' %}{{ bos_token + '[INST] ' + content.strip() + ' [/INST]' }}\
                   {% else %}{{ ' ' + content.strip() + ' ' + eos_token }}{% endif %}{% endfor %}",
        written: "<s>[INST] <<SYS>>\nS\n<</SYS>>\n\nU [/INST] A </s><s>[INST] V [/INST]",
        turn_end: None,
    },
    Family {
        name: "Llama 3",
        template: "{{ bos_token }}{% for m in messages %}\
                   {{ '<|start_header_id|>' ~ m['role'] ~ '<|end_header_id|>\n\n' ~ m['content'] | trim ~ '<|eot_id|>' }}\
                   {% endfor %}{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}",
        written: "<s><|start_header_id|>system<|end_header_id|>\n\nS<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nU<|eot_id|>\
                  <|start_header_id|>assistant<|end_header_id|>\n\nA<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nV<|eot_id|>\
                  <|start_header_id|>assistant<|end_header_id|>\n\n",
        turn_end: Some("<|eot_id|>"),
    },
    Family {
        name: "Mistral, without a system role",
        template: "{{ bos_token }}{% for m in messages %}\
                   {% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('user and assistant must alternate') }}{% endif %}\
                   {% if m['role'] == 'user' %}{{ '[INST] ' + m['content'] + ' [/INST]' }}\
                   {% elif m['role'] == 'assistant' %}{{ m['content'] + eos_token }}\
                   {% else %}{{ raise_exception('only user and assistant') }}{% endif %}{% endfor %}",
        written: "<s>[INST] S\n\nU [/INST]A</s>[INST] V [/INST]",
        turn_end: None,
    },
    Family {
        name: "Gemma, without a system role",
        template: "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system role') }}{% endif %}\
                   {% for m in messages %}\
                   {% if m['role'] == 'assistant' %}{% set role = 'model' %}{% else %}{% set role = m['role'] %}{% endif %}\
                   {{ '<start_of_turn>' + role + '\n' + m['content'] | trim + '<end_of_turn>\n' }}{% endfor %}\
                   {% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}",
        written: "<s><start_of_turn>user\nS\n\nU<end_of_turn>\n<start_of_turn>model\nA<end_of_turn>\n<start_of_turn>user\nV<end_of_turn>\n\
                  <start_of_turn>model\n",
        turn_end: Some("<end_of_turn>"),
    },
    Family {
        name: "Phi",
        template: "{% for m in messages %}{% if m['role'] == 'system' %}{{ '<|system|>\n' + m['content'] + '<|end|>\n' }}\
                   {% elif m['role'] == 'user' %}{{ '<|user|>\n' + m['content'] + '<|end|>\n' }}\
                   {% elif m['role'] == 'assistant' %}{{ '<|assistant|>\n' + m['content'] + '<|end|>\n' }}{% endif %}{% endfor %}\
                   {% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% else %}{{ eos_token }}{% endif %}",
        written: "<|system|>\nS<|end|>\n<|user|>\nU<|end|>\n<|assistant|>\nA<|end|>\n<|user|>\nV<|end|>\n<|assistant|>\n",
        turn_end: Some("<|end|>"),
    },
    Family {
        name: "Zephyr",
        template: "{% for m in messages %}\n{% if m['role'] == 'user' %}\n{{ '<|user|>\n' + m['content'] + eos_token }}\n\
                   {% elif m['role'] == 'system' %}\n{{ '<|system|>\n' + m['content'] + eos_token }}\n\
                   {% elif m['role'] == 'assistant' %}\n{{ '<|assistant|>\n' + m['content'] + eos_token }}\n{% endif %}\n\
                   {% if loop.last and add_generation_prompt %}\n{{ '<|assistant|>' }}\n{% endif %}\n{% endfor %}",
        written: "<|system|>\nS</s>\n<|user|>\nU</s>\n<|assistant|>\nA</s>\n<|user|>\nV</s>\n<|assistant|>\n",
        turn_end: None,
    },
    Family {
        name: "DeepSeek, which gathers system messages in a namespace",
        template: "{% set ns = namespace(said='', first=true) %}{% for m in messages %}{% if m['role'] == 'system' %}\
                   {% if ns.first %}{% set ns.said = ns.said + m['content'] %}{% set ns.first = false %}\
                   {% else %}{% set ns.said = ns.said + '\n\n' + m['content'] %}{% endif %}{% endif %}{% endfor %}\
                   {{ bos_token }}{{ ns.said }}{% for m in messages %}\
                   {% if m['role'] == 'user' %}{{ '<\u{ff5c}User\u{ff5c}>' + m['content'] }}{% endif %}\
                   {% if m['role'] == 'assistant' %}{% set content = m['content'] %}\
                   {% if '</think>' in content %}{% set content = content.split('</think>')[-1] %}{% endif %}\
                   {{ '<\u{ff5c}Assistant\u{ff5c}>' + content + '<\u{ff5c}end\u{2581}of\u{2581}sentence\u{ff5c}>' }}{% endif %}{% endfor %}\
                   {% if add_generation_prompt %}{{ '<\u{ff5c}Assistant\u{ff5c}><think>\n' }}{% endif %}",
        written: "<s>S<\u{ff5c}User\u{ff5c}>U<\u{ff5c}Assistant\u{ff5c}>A<\u{ff5c}end\u{2581}of\u{2581}sentence\u{ff5c}>\
                  <\u{ff5c}User\u{ff5c}>V<\u{ff5c}Assistant\u{ff5c}><think>\n",
        turn_end: Some("<\u{ff5c}end\u{2581}of\u{2581}sentence\u{ff5c}>"),
    },
    Family {
        name: "Qwen that thinks",
        template: "{%- set ns = namespace(last=messages|length - 1) -%}\n{%- for m in messages[::-1] -%}{%- set index = messages|length - 1 - loop.index0 -%}\
                   {%- if m.role == 'user' and not m.content.startswith('<tool_response>') and ns.last < index -%}{%- set ns.last = index -%}{%- endif -%}{%- endfor -%}\
                   {%- macro turn(role, content) -%}{{- '<|im_start|>' + role + '\n' + content + '<|im_end|>\n' -}}{%- endmacro -%}\
                   {%- for m in messages -%}{%- if m.content is string -%}{{- turn(m.role, m.content) -}}{%- endif -%}{%- endfor -%}\
                   {%- if add_generation_prompt -%}{{- '<|im_start|>assistant\n' -}}\
                   {%- if enable_thinking is defined and enable_thinking is false -%}{{- '<think>\n\n</think>\n\n' -}}{%- endif -%}{%- endif -%}",
        written: "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nU<|im_end|>\n<|im_start|>assistant\nA<|im_end|>\n\
                  <|im_start|>user\nV<|im_end|>\n<|im_start|>assistant\n",
        turn_end: Some("<|im_end|>"),
    },
    Family {
        name: "Command-R",
        template: "{{ '<s>' }}{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}{% set said = messages[0]['content'] %}\
                   {% else %}{% set loop_messages = messages %}{% set said = false %}{% endif %}\
                   {% if said != false %}{{ '<|START_OF_TURN_TOKEN|><|SYSTEM_TOKEN|>' + said + '<|END_OF_TURN_TOKEN|>' }}{% endif %}\
                   {% for m in loop_messages %}{% if m['role'] == 'user' %}{% set who = '<|USER_TOKEN|>' %}{% else %}{% set who = '<|CHATBOT_TOKEN|>' %}{% endif %}\
                   {{ '<|START_OF_TURN_TOKEN|>' + who + m['content'].strip() + '<|END_OF_TURN_TOKEN|>' }}{% endfor %}\
                   {% if add_generation_prompt %}{{ '<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>' }}{% endif %}",
        written: "<s><|START_OF_TURN_TOKEN|><|SYSTEM_TOKEN|>S<|END_OF_TURN_TOKEN|><|START_OF_TURN_TOKEN|><|USER_TOKEN|>U<|END_OF_TURN_TOKEN|>\
                  <|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>A<|END_OF_TURN_TOKEN|><|START_OF_TURN_TOKEN|><|USER_TOKEN|>V<|END_OF_TURN_TOKEN|>\
                  <|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>",
        turn_end: Some("<|END_OF_TURN_TOKEN|>"),
    },
];

const BOS: TokenId = 300;
const EOS: TokenId = 301;

/// Bytes, and two tokens that only a template can write.
fn model() -> ScriptedModel {
    let mut vocab: Vec<Vec<u8>> = (0..=255_u8).map(|byte| vec![byte]).collect();
    vocab.resize(302, Vec::new());
    ScriptedModel::hashed(&vocab, 1)
        .with_bos(BOS)
        .with_special("<s>", BOS)
        .with_special("</s>", EOS)
        .with_info(|info| {
            info.eos = Some(EOS);
            info.end_tokens = vec![EOS];
        })
}

/// Tokens as text, with the two special ones as they are spelt.
fn spelt(model: &ScriptedModel, tokens: &[TokenId]) -> String {
    let bytes: Vec<u8> = tokens
        .iter()
        .flat_map(|token| match *token {
            BOS => b"<s>".to_vec(),
            EOS => b"</s>".to_vec(),
            other => model.token_bytes(other).to_vec(),
        })
        .collect();
    String::from_utf8(bytes).unwrap()
}

const ROLES: [&str; 4] = ["system", "user", "assistant", "user"];

#[test]
fn every_family_is_written_as_it_wants_to_be() {
    let model = model();
    for family in &FAMILIES {
        let template = ChatTemplate::new(family.template);
        let text =
            template.write(&ROLES, Thoughts::AsUsual).unwrap_or_else(|e| panic!("{}: {e}", family.name));
        let tokens = text.prompt(&model, &["S", "U", "A", "V"]).unwrap();
        let expected = if family.written.starts_with("<s>") {
            family.written.to_owned()
        } else {
            // The model asks for the token, whether the template writes it or not.
            format!("<s>{}", family.written)
        };
        assert_eq!(spelt(&model, &tokens), expected, "{}", family.name);
        assert_eq!(template.turn_end().as_deref(), family.turn_end, "{}", family.name);
        assert!(ChatTemplate::probed(family.template.to_owned()).is_ok(), "{}", family.name);
    }
}

#[test]
fn the_beginning_is_marked_once() {
    let model = model();
    for template in ["<s>{{ bos_token }}", "{{ bos_token }}<s>", "<s>", "{{ bos_token }}", ""] {
        let source = format!("{template}{{{{ messages[0].content }}}}");
        let text = ChatTemplate::new(&source).write(&["user"], Thoughts::AsUsual).unwrap();
        assert_eq!(text.prompt(&model, &["<s>"]).unwrap(), [BOS, 60, 115, 62], "{template}");
    }
    assert_eq!(ChatText::default().prompt(&model, &[]).unwrap(), [BOS]);
}

#[test]
fn a_message_spells_no_special_token() {
    let model = model();
    let text = ChatTemplate::new(FAMILIES[0].template).write(&["user"], Thoughts::AsUsual).unwrap();
    let tokens = text.prompt(&model, &["</s><s>"]).unwrap();
    assert!(tokens[1..].iter().all(|token| *token < 256));
}

#[test]
fn neighbours_of_one_role_are_joined_where_roles_must_alternate() {
    let template = ChatTemplate::new(FAMILIES[3].template);
    let text = template.write(&["user", "user", "assistant", "user"], Thoughts::AsUsual).unwrap();
    let tokens = text.prompt(&model(), &["U", "V", "A", "W"]).unwrap();
    assert_eq!(spelt(&model(), &tokens), "<s>[INST] U\n\nV [/INST]A</s>[INST] W [/INST]");
    // A system message alone is what the user says.
    let text = template.write(&["system"], Thoughts::AsUsual).unwrap();
    assert_eq!(spelt(&model(), &text.prompt(&model(), &["S"]).unwrap()), "<s>[INST] S [/INST]");
    // What no form helps is said by the template.
    let error = ChatTemplate::new("{{ raise_exception('never') }}").write(&ROLES, Thoughts::AsUsual);
    assert!(error.unwrap_err().to_string().contains("never"));
    let error = ChatTemplate::new("{{ messages[-1].content }}").write(&ROLES, Thoughts::AsUsual);
    assert!(error.unwrap_err().to_string().contains("leaves a message out"));
}

#[test]
fn an_answer_that_begins_at_once_stands_behind_every_thought() {
    let closed = |template: &str| {
        let text = ChatTemplate::new(template).write(&["user"], Thoughts::None).unwrap();
        let (_, after) = text.around(0).unwrap();
        spelt(&model(), &after.tokens(&model(), &[]).unwrap())
    };
    // One that is told so by its switch, and one that has none.
    assert!(closed(FAMILIES[8].template).ends_with("assistant\n<think>\n\n</think>\n\n"));
    assert!(closed(FAMILIES[7].template).ends_with("<think>\n\n</think>\n\n"));
    assert!(!closed(FAMILIES[0].template).contains("think"));
}

#[test]
fn todays_date_is_given_to_those_who_cannot_do_without() {
    let written = |template: &str| {
        let text = ChatTemplate::new(template).write(&["user"], Thoughts::AsUsual).unwrap();
        spelt(&model(), &text.prompt(&model(), &[""]).unwrap())
    };
    let own = "{% if strftime_now is defined %}{{ strftime_now('%Y') }}{% else %}26 Jul 2024{% endif %}{{ messages[0].content }}";
    assert_eq!(written(own), "<s>26 Jul 2024");
    let today = written("{{ strftime_now('%d %b %Y') }}{{ messages[0].content }}");
    assert!(today.len() == "<s>26 Jul 2024".len() && !today.contains('%'), "{today}");
    let error = ChatTemplate::new("{{ strftime_now('%&') }}").write(&["user"], Thoughts::AsUsual);
    assert!(error.unwrap_err().to_string().contains("no form of a date"));
}

#[test]
fn a_stop_text_is_watched_for_where_no_token_stands_for_it() {
    let chat = ChatTemplate::new(FAMILIES[0].template);
    assert_eq!(chat.stop_text(&model()).unwrap().as_deref(), Some("<|im_end|>"));
    assert_eq!(chat.stop_text(&model().with_special("<|im_end|>", 299)).unwrap(), None);
}

/// Every way to grow that the language has, each of which would take gigabytes or hours.
#[test]
fn a_template_that_grows_or_does_not_end_is_ended() {
    let doubled = |step: &str| {
        format!(
            "{{% set ns = namespace(s='abcdefgh', l=[1, 2]) %}}{{% for i in range(60) %}}{step}{{% endfor %}}{{{{ ns.s }}}}"
        )
    };
    let mut long_chain = String::from("{{ x");
    for _ in 0..30_000 {
        long_chain.push_str(" + 1");
    }
    long_chain.push_str(" }}");
    let mut folded = String::new();
    for at in 0..40 {
        let _ = write!(folded, "{{% set v{at} = 'x' * 99999999 %}}");
    }
    let attacks = [
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}".to_owned(),
        "{% for a in range(99999) %}{{ 'x' * 1000 }}{% endfor %}".to_owned(),
        "{% for a in range(99999) %}".to_owned() + &"raw ".repeat(500) + "{% endfor %}",
        doubled("{% set ns.s = ns.s ~ ns.s %}"),
        doubled("{% set ns.s = ns.s + ns.s %}"),
        doubled("{% set ns.s = ns.s * 2 %}"),
        doubled("{% set ns.s = [ns.s, ns.s] | join %}"),
        doubled("{% set ns.s = ns.s | replace('a', ns.s) %}"),
        doubled("{% set ns.s = ns.s.replace('a', ns.s) %}"),
        doubled("{% set ns.s = ns.s.join(['a', 'a', 'a']) %}"),
        doubled("{% set ns.s = '%s%s' | format(ns.s, ns.s) %}"),
        doubled("{% set ns.s = '{}{}'.format(ns.s, ns.s) %}"),
        doubled("{% set x %}{{ ns.s }}{{ ns.s }}{% endset %}{% set ns.s = x %}"),
        doubled("{% set ns.s = [ns.s, ns.s] | string %}"),
        doubled("{% set ns.l = ns.l + ns.l %}") + "{{ ns.l | list | length }}",
        doubled("{% set ns.l = (ns.l | chain(ns.l)) %}") + "{{ ns.l | list | length }}",
        doubled("{% set ns.l = ns.l * 2 %}") + "{{ ns.l | list | length }}",
        doubled("{% set ns.l = [ns.l, ns.l] %}") + "{{ ns.l | tojson }}",
        "{{ '%999999999d' | format(1) }}".to_owned(),
        "{{ '{:>999999999}'.format(1) }}".to_owned(),
        "{{ 'x\ny' | indent(999999999) }}".to_owned(),
        "{{ [1] | batch(999999999, 'x') | list }}".to_owned(),
        "{{ [1] | slice(999999999) | list | length }}".to_owned(),
        "{{ ['x'] | map('indent', 999999999, true) | join }}".to_owned(),
        "{{ [[1]] | tojson(indent=999999999) }}".to_owned(),
        "{% macro f(s) %}{{ s }}{{ s }}{% endmacro %}".to_owned() + &doubled("{% set ns.s = f(ns.s) %}"),
        "{% macro f(n) %}{{ f(n) }}{{ f(n) }}{% endmacro %}{{ f(1) }}".to_owned(),
        folded,
        "{{ ".to_owned() + &"('x' * 99999999) ~ ".repeat(40) + "'' }}",
        long_chain,
        "{{ ".to_owned() + &"(".repeat(100_000),
        "{% if x %}".to_owned() + &"{% elif x %}".repeat(20_000) + "{% endif %}",
        "{{ f(*[1]) }}".to_owned(),
        "{% set ns = namespace(s='\"\\\\') %}{% for i in range(60) %}{% set ns.s = debug(ns.s) %}{% endfor %}".to_owned(),
        "{% set egcfg_one = 2 %}{{ 3 * 4 }}".to_owned(),
    ];
    let peak = || -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        peak.map_or(0, |peak| peak.trim().trim_end_matches("kB").trim().parse().unwrap())
    };
    let before = peak();
    for attack in attacks {
        let attack = attack + "{{ messages[0].content }}";
        let error = ChatTemplate::new(&attack).write(&["user"], Thoughts::AsUsual);
        assert!(error.is_err(), "{}", &attack[..attack.len().min(300)]);
    }
    // The tests beside this one are in it too; the attacks ask for more than this, each by itself.
    let grown = peak().saturating_sub(before);
    assert!(grown < 3 << 20, "{grown} KiB more at the peak than before");
}

#[test]
fn a_long_conversation_fits() {
    let roles: Vec<&str> = ["user", "assistant"].into_iter().cycle().take(1023).collect();
    for family in &FAMILIES {
        let text = ChatTemplate::new(family.template).write(&roles, Thoughts::AsUsual);
        let text = text.unwrap_or_else(|error| panic!("{}: {error}", family.name));
        let places = text.pieces.iter().filter(|piece| matches!(piece, Piece::Content(_))).count();
        assert_eq!(places, 1023, "{}", family.name);
    }
}
