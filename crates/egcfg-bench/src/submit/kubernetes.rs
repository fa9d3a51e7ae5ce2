//! An indexed Job for `kubectl`. Texts are written as JSON strings, which are YAML as well.

use std::fmt::Write as _;

use super::Resources;

/// A persistent volume claim and where it is mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// The claim's name.
    pub claim: String,
    /// The folder in the container.
    pub path: String,
}

/// What a Kubernetes Job needs besides its resources.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Kubernetes {
    /// Resources of each agent.
    pub resources: Resources,
    /// The container image.
    pub image: String,
    pub namespace: Option<String>,
    /// Volumes, the results' among them.
    pub volumes: Vec<Volume>,
    /// Secrets whose entries become environment variables.
    pub secrets: Vec<String>,
    /// Program and arguments.
    pub command: Vec<String>,
}

impl Kubernetes {
    /// The manifest. A pod that fails is started again under the same index, a few times per agent; the minute of grace
    /// lets an agent give its claims back.
    pub fn manifest(&self) -> String {
        let Resources { agents, name, seconds, cpus, gpus, memory_mib } = &self.resources;
        let (agents, cpus) = (agents.max(&1), cpus.max(&1));
        let mut text = String::new();
        let mut line = |depth: usize, content: &str| {
            let _ = writeln!(text, "{:width$}{content}", "", width = 2 * depth);
        };
        line(0, "apiVersion: batch/v1");
        line(0, "kind: Job");
        line(0, "metadata:");
        line(1, &format!("name: {}", string(&dns_name(name))));
        if let Some(namespace) = &self.namespace {
            line(1, &format!("namespace: {}", string(namespace)));
        }
        line(0, "spec:");
        line(1, "completionMode: Indexed");
        line(1, &format!("completions: {agents}"));
        line(1, &format!("parallelism: {agents}"));
        line(1, &format!("backoffLimit: {}", agents * 3));
        if let Some(seconds) = seconds {
            line(1, &format!("activeDeadlineSeconds: {seconds}"));
        }
        line(1, "template:");
        line(2, "spec:");
        line(3, "restartPolicy: Never");
        line(3, "terminationGracePeriodSeconds: 60");
        line(3, "containers:");
        line(4, "- name: agent");
        line(5, &format!("image: {}", string(&self.image)));
        let words: Vec<String> = self.command.iter().map(|word| string(&literal(word))).collect();
        line(5, &format!("command: [{}]", words.join(", ")));
        if !self.secrets.is_empty() {
            line(5, "envFrom:");
            for secret in &self.secrets {
                line(6, &format!("- secretRef: {{name: {}}}", string(secret)));
            }
        }
        line(5, "resources:");
        line(6, &format!("requests: {{cpu: {cpus}, memory: \"{memory_mib}Mi\"}}"));
        let gpu = if *gpus > 0 { format!(", nvidia.com/gpu: {gpus}") } else { String::new() };
        line(6, &format!("limits: {{memory: \"{memory_mib}Mi\"{gpu}}}"));
        if !self.volumes.is_empty() {
            line(5, "volumeMounts:");
            for (number, volume) in self.volumes.iter().enumerate() {
                line(6, &format!("- {{name: volume-{number}, mountPath: {}}}", string(&volume.path)));
            }
            line(3, "volumes:");
            for (number, volume) in self.volumes.iter().enumerate() {
                let claim = format!("persistentVolumeClaim: {{claimName: {}}}", string(&volume.claim));
                line(4, &format!("- {{name: volume-{number}, {claim}}}"));
            }
        }
        text
    }
}

fn string(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

/// Kubernetes replaces `$(NAME)` in commands; `$$` stands for one `$`.
fn literal(word: &str) -> String {
    word.replace('$', "$$")
}

/// A job's name: small letters, digits and dashes, at most 63.
fn dns_name(name: &str) -> String {
    let safe: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' })
        .take(52)
        .collect();
    let safe = safe.trim_matches('-');
    if safe.is_empty() { "egcfg".to_owned() } else { safe.to_owned() }
}
