//! Values as they are typed: one parser for each kind of value, so that the same mistake is refused in the same words by every
//! command. Clap puts the value and the flag in front of the sentence.

use std::time::Duration;

use egcfg_task::{Config, Horizon, Temperature};

/// A number of things of which there must be one at least.
pub(crate) fn count<T: TryFrom<u64>>(text: &str) -> Result<T, String> {
    match text.parse::<u128>() {
        Ok(0) | Err(_) => Err("expected a whole number from 1 on".to_owned()),
        Ok(_) => whole(text),
    }
}

/// A number of things of which there may be none.
pub(crate) fn whole<T: TryFrom<u64>>(text: &str) -> Result<T, String> {
    let number: u128 = text.parse().map_err(|_| "expected a whole number from 0 on".to_owned())?;
    let number = u64::try_from(number).ok().and_then(|number| T::try_from(number).ok());
    number.ok_or_else(|| "the number is too large".to_owned())
}

/// A count with an upper end.
pub(crate) fn up_to<const MOST: u64>(text: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(number) if (1..=MOST).contains(&number) => Ok(number),
        _ => Err(format!("expected a whole number from 1 to {MOST}")),
    }
}

/// A time: seconds, or a number with `ms`, `s`, `m` or `h` behind it; above 0 and at most a day.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    const WRONG: &str = "expected seconds above 0 and at most 86400, or a time such as 500ms, 90s, 5m or 2h";
    let units = [("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3600.0)];
    let found = units.iter().find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, *factor)));
    let (number, factor) = found.unwrap_or((text, 1.0));
    let seconds = number.trim_end().parse::<f64>().map_err(|_| WRONG.to_owned())? * factor;
    let time = Duration::try_from_secs_f64(seconds).ok();
    let fits = |time: &Duration| !time.is_zero() && *time <= Duration::from_secs(86_400);
    time.filter(fits).ok_or_else(|| WRONG.to_owned())
}

/// A size in MiB, or with K, M, G or T behind it; at least `LEAST` MiB.
pub(crate) fn mebibytes<const LEAST: u64>(text: &str) -> Result<u64, String> {
    const MOST: u64 = 1 << 24;
    let wrong = || format!("expected MiB from {LEAST} to {MOST}, or a size such as 512M or 2G");
    let upper = text.to_ascii_uppercase();
    let upper = upper.strip_suffix("IB").or_else(|| upper.strip_suffix('B')).unwrap_or(&upper);
    let units = [("K", 1), ("M", 1 << 10), ("G", 1 << 20), ("T", 1 << 30)];
    let found = units.iter().find_map(|(unit, kib)| Some((upper.strip_suffix(unit)?, *kib)));
    let (number, kib) = found.unwrap_or((upper, 1 << 10));
    let number: u64 = number.trim_end().parse().map_err(|_| wrong())?;
    let mib = number.checked_mul(kib).map(|kib| kib >> 10);
    mib.filter(|mib| (LEAST..=MOST).contains(mib)).ok_or_else(wrong)
}

/// A guidance strength.
pub(crate) fn gamma(text: &str) -> Result<f64, String> {
    match text.trim().parse() {
        Ok(gamma) if (0.0..=100.0).contains(&gamma) => Ok(gamma),
        _ => Err("expected a number from 0 to 100".to_owned()),
    }
}

/// A sampling temperature.
pub(crate) fn temperature(text: &str) -> Result<Temperature, String> {
    let number = text.parse().ok().and_then(Temperature::new);
    number.ok_or_else(|| "expected a number above 0 and at most 100".to_owned())
}

/// A horizon.
pub(crate) fn horizon(text: &str) -> Result<Horizon, String> {
    match text {
        "inf" => Ok(Horizon::Infinite),
        lines => count(lines)
            .map(Horizon::Lines)
            .map_err(|_| "expected a number of lines from 1 on, or 'inf'".to_owned()),
    }
}

/// A configuration by its name.
pub(crate) fn configuration(text: &str) -> Result<Config, String> {
    text.trim().parse().map_err(|error: egcfg_task::NameError| {
        format!(
            "{}; names look like ns3t0.75d5k1_lci_ln, extensions follow a '+', as in {}",
            error.reason,
            crate::settings::defaults::CONFIGURATION
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_begin_with_one() {
        assert_eq!(count::<usize>("7"), Ok(7));
        for text in ["0", "00", "-1", "", "x", "1.5", " 1"] {
            assert_eq!(count::<u32>(text), Err("expected a whole number from 1 on".into()), "{text}");
        }
        assert_eq!(count::<u32>("4294967296"), Err("the number is too large".into()));
        assert_eq!(count::<u64>("18446744073709551616"), Err("the number is too large".into()));
        assert_eq!(whole::<u32>("0"), Ok(0));
        assert!(whole::<u32>("-0.5").is_err());
        assert_eq!(up_to::<4096>("4096"), Ok(4096));
        assert!(up_to::<4096>("4097").is_err() && up_to::<4096>("0").is_err());
    }

    #[test]
    fn times_and_sizes_have_units() {
        for (text, seconds) in
            [("5", 5.0), ("0.5", 0.5), ("500ms", 0.5), ("90s", 90.0), ("5m", 300.0), ("24h", 86_400.0)]
        {
            assert_eq!(duration(text), Ok(Duration::from_secs_f64(seconds)), "{text}");
        }
        for text in ["0", "-1", "25h", "nan", "inf", "", "s", "1e-30", "5 minutes"] {
            assert!(duration(text).is_err(), "{text}: {:?}", duration(text));
        }
        for (text, mib) in
            [("64", 64), ("512M", 512), ("2G", 2048), ("2GiB", 2048), ("1gb", 1024), ("65536K", 64)]
        {
            assert_eq!(mebibytes::<64>(text), Ok(mib), "{text}");
        }
        for text in ["0", "63", "1K", "G", "-1", "99999999T", "1.5G"] {
            assert!(mebibytes::<64>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn knobs_are_checked() {
        assert!(gamma("0").is_ok() && gamma("1e2").is_ok());
        assert!(gamma("-1").is_err() && gamma("nan").is_err() && gamma("100.1").is_err());
        assert_eq!(horizon("inf"), Ok(Horizon::Infinite));
        assert_eq!(horizon("3"), Ok(Horizon::Lines(3)));
        assert!(horizon("0").is_err() && horizon("infinite").is_err());
        assert!(temperature("0").is_err() && temperature("0.1").is_ok());
        let error = configuration("ns3").unwrap_err();
        assert!(error.starts_with("expected 't' and the temperature at the end; names look like"), "{error}");
    }
}
