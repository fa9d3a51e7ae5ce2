//! Where results go, as it is typed: a path, `file:///path`, or `s3://bucket/prefix`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// A results store's address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    Folder(PathBuf),
    /// A prefix of an S3-compatible bucket; endpoint and keys come from the `AWS_*` environment variables.
    Bucket {
        bucket: String,
        /// Parts of the key with `/` between them; may be empty.
        prefix: String,
    },
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(rest) = text.strip_prefix("s3://") {
            let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
            if bucket.is_empty() {
                return Err(format!("'{text}' names no bucket; write s3://bucket/prefix"));
            }
            let prefix = prefix.split('/').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/");
            return Ok(Self::Bucket { bucket: bucket.to_owned(), prefix });
        }
        let path = text.strip_prefix("file://").unwrap_or(text);
        if let Some((scheme, _)) = path.split_once("://") {
            return Err(format!(
                "'{scheme}://' is no store that egcfg knows; give a folder, file:///path or s3://bucket/prefix"
            ));
        }
        if path.is_empty() {
            return Err("the results folder's name is empty".to_owned());
        }
        Ok(Self::Folder(PathBuf::from(path)))
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => write!(f, "{}", path.display()),
            Self::Bucket { bucket, prefix } if prefix.is_empty() => write!(f, "s3://{bucket}"),
            Self::Bucket { bucket, prefix } => write!(f, "s3://{bucket}/{prefix}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read() {
        assert_eq!("out/x".parse(), Ok(Target::Folder("out/x".into())));
        assert_eq!("file:///a/b".parse(), Ok(Target::Folder("/a/b".into())));
        let bucket = |prefix: &str| Ok(Target::Bucket { bucket: "b".to_owned(), prefix: prefix.to_owned() });
        assert_eq!("s3://b".parse(), bucket(""));
        assert_eq!("s3://b//p/q/".parse(), bucket("p/q"));
        assert!("s3:///p".parse::<Target>().unwrap_err().contains("bucket"));
        assert!("gs://b".parse::<Target>().unwrap_err().contains("gs://"));
        assert!(String::new().parse::<Target>().is_err());
    }
}
