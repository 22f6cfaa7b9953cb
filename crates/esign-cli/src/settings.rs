//! The configuration file, and the client it makes.

use std::path::{Path, PathBuf};

use esign::{Client, Config, ErrorKind, InstanceConfig, TrustConfig};
use serde::de::DeserializeOwned;

use crate::args::Common;
use crate::failure::Failure;
use crate::files::read_text;
use crate::output::{Mark, Output};

const FILE: &str = "esign.toml";
const VARIABLE: &str = "ESIGN_CONFIG";

/// Where the configuration is: `--config`, else `ESIGN_CONFIG`, else `./esign.toml`.
pub(crate) fn path(common: &Common) -> PathBuf {
    let variable = || std::env::var_os(VARIABLE).filter(|name| !name.is_empty()).map(PathBuf::from);
    common.config.clone().or_else(variable).unwrap_or_else(|| PathBuf::from(FILE))
}

/// Reads and checks the configuration, and builds every instance. No network call.
pub(crate) async fn client(common: &Common) -> Result<Client, Failure> {
    Ok(esign::client(read(common)?).await?)
}

/// The active instance, also where it is left out.
pub(crate) fn active(common: &Common) -> Result<Option<String>, Failure> {
    Ok(read(common)?.active)
}

fn read(common: &Common) -> Result<Config, Failure> {
    let path = path(common);
    if !path.exists() {
        return Err(Failure::usage(format!(
            "there is no configuration at {}; name one with --config or {VARIABLE}, or let `esign sandbox \
             --write-config {FILE}` write one to start with",
            path.display()
        )));
    }
    from_toml(&path, &read_text(&path)?)
}

/// Whom the configuration trusts; nobody if there is none and none was named.
pub(crate) fn trust(common: &Common) -> Result<TrustConfig, Failure> {
    let path = path(common);
    if common.config.is_none() && !path.exists() {
        return Ok(TrustConfig::default());
    }
    let config: Config = from_toml(&path, &read_text(&path)?)?;
    Ok(config.trust)
}

/// The client with this instance alone, by its name or an alias: the secrets of others are not needed for it. Without a name the
/// active instance.
pub(crate) async fn client_for(common: &Common, instance: Option<&str>) -> Result<Client, Failure> {
    let mut config = read(common)?;
    let wanted = instance.map(str::to_owned).or_else(|| config.active.clone());
    let is_wanted = |name: &String, settings: &InstanceConfig| {
        wanted.as_ref().is_some_and(|wanted| wanted == name || settings.aliases.contains(wanted))
    };
    // What is not there is said by whoever looks for it, with the names of all.
    if config.check().is_ok() && config.providers.iter().any(|(name, settings)| is_wanted(name, settings)) {
        config.providers.retain(|name, settings| is_wanted(name, settings));
        config.active = config.active.filter(|active| config.providers.contains_key(active));
    }
    Ok(esign::client(config).await?)
}

/// Every instance whose secrets can be read, for what sends nothing, and why the others are left out.
pub(crate) async fn readable_client(common: &Common) -> Result<(Client, Vec<Failure>), Failure> {
    readable(read(common)?).await
}

async fn readable(mut config: Config) -> Result<(Client, Vec<Failure>), Failure> {
    let mut left_out = Vec::new();
    loop {
        let error = match esign::client(config.clone()).await {
            Ok(client) => return Ok((client, left_out)),
            Err(error) => error,
        };
        // `providers.NAME.api_key`: names have no dots.
        let key = error.field_path().and_then(|key| key.strip_prefix("providers."));
        let name = key.filter(|_| error.kind() == ErrorKind::Secret).and_then(|key| key.split('.').next());
        let Some(name) = name.map(str::to_owned) else { return Err(error.into()) };
        if config.providers.remove(&name).is_none() || config.providers.is_empty() {
            return Err(error.into());
        }
        config.active = config.active.filter(|active| *active != name);
        left_out.push(error.into());
    }
}

/// The same where a configuration is named or lies here, else every provider kind as it typically is: for what sends nothing.
pub(crate) async fn client_or_typical(common: &Common) -> Result<(Client, Vec<Failure>), Failure> {
    let path = path(common);
    if common.config.is_none() && path == Path::new(FILE) && !path.exists() {
        return Ok((esign::matrix::typical_client().await?, Vec::new()));
    }
    readable_client(common).await
}

/// Says which instances are left out, and why.
pub(crate) fn tell_left_out(left_out: &[Failure], output: &Output) {
    for failure in left_out {
        output.say(Mark::Warning, format!("left out: {failure}"));
    }
}

/// The instance of this name, or the only one of this kind.
pub(crate) fn instance_for(client: &Client, name: &str) -> Result<String, Failure> {
    let instances = client.instances();
    if instances.iter().any(|(instance, _)| instance == name) {
        return Ok(name.to_owned());
    }
    let of_kind: Vec<_> = instances.iter().filter(|(_, can)| can.kind.as_str() == name).collect();
    match of_kind.as_slice() {
        [(only, _)] => Ok(only.clone()),
        _ => {
            let known: Vec<_> = instances.iter().map(|(instance, _)| instance.as_str()).collect();
            let message = format!("there is no provider {name}; there are {}", known.join(", "));
            Err(Failure::usage(message))
        }
    }
}

/// Reads TOML, naming file, line or key in one line.
pub(crate) fn from_toml<T: DeserializeOwned>(path: &Path, text: &str) -> Result<T, Failure> {
    from_value(path, toml_value(path, text)?)
}

pub(crate) fn toml_value(path: &Path, text: &str) -> Result<serde_json::Value, Failure> {
    toml::from_str(text).map_err(|e| {
        let line = e.span().map(|span| text[..span.start.min(text.len())].lines().count().max(1));
        let line = line.map(|line| format!(":{line}")).unwrap_or_default();
        Failure::usage(format!("{}{line}: {}", path.display(), one_line(e.message())))
    })
}

pub(crate) fn from_value<T: DeserializeOwned>(path: &Path, value: serde_json::Value) -> Result<T, Failure> {
    serde_path_to_error::deserialize(value).map_err(|e| {
        let key = e.path().to_string();
        let key = if key == "." { String::new() } else { format!("{key}: ") };
        Failure::usage(format!("{}: {key}{}", path.display(), one_line(&e.inner().to_string())))
    })
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_named_by_line_or_key() {
        for (text, words) in [
            ("active = 'x'\n[providers.x\n", "a.toml:2: "),
            ("active = 3", "a.toml: active: invalid type"),
            ("[providers.x]\nkind = 'k'\nadapt = ['colour']", "a.toml: providers.x"),
            ("activ = 'x'", "a.toml: activ: unknown field `activ`"),
        ] {
            let message = from_toml::<Config>(Path::new("a.toml"), text).unwrap_err().to_string();
            assert!(message.starts_with(words), "{message}");
            assert_eq!(message.lines().count(), 1, "{message}");
        }
    }
}
