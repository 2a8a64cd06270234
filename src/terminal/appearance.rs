//! How messages look: decided once, from the options, the environment, and whether standard error is
//! a terminal.

use std::ffi::OsString;

/// When something is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum When {
    /// Where standard error is a terminal
    #[default]
    Auto,
    /// Whatever standard error is
    Always,
    /// Not at all
    Never,
}

/// How messages look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Appearance {
    /// Whether progress rows are drawn.
    pub progress: bool,
    /// Whether words are coloured.
    pub color: bool,
    /// Whether characters beyond ASCII are drawn.
    pub unicode: bool,
}

impl Appearance {
    /// Decides the appearance. `variable` reads an environment variable; an empty one is unset.
    ///
    /// `NO_COLOR` is honoured. A terminal whose `TERM` is `dumb` or unset can neither colour nor draw
    /// in place, and a CI system (`CI`) keeps every line, so nothing is drawn in place there.
    pub fn new(
        progress: When,
        color: When,
        stderr_is_terminal: bool,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let is_dumb = set("TERM").map_or(cfg!(unix), |term| term == "dumb");
        let decide = |when, auto: bool| match when {
            When::Auto => auto,
            When::Always => true,
            When::Never => false,
        };
        let in_ci = set("CI").is_some_and(|ci| ci != "false" && ci != "0");
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set);
        let locale = locale.map(|locale| locale.to_string_lossy().to_lowercase());
        Self {
            progress: decide(progress, stderr_is_terminal && !is_dumb && !in_ci),
            color: decide(color, stderr_is_terminal && !is_dumb && set("NO_COLOR").is_none()),
            unicode: locale.is_some_and(|name| name.contains("utf-8") || name.contains("utf8")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(progress: When, color: When, terminal: bool, env: &[(&str, &str)]) -> Appearance {
        Appearance::new(progress, color, terminal, |name| {
            env.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into())
        })
    }

    #[test]
    fn a_terminal_has_rows_and_colours_and_a_pipe_has_neither() {
        let seen = look(When::Auto, When::Auto, true, &[("TERM", "xterm")]);
        assert!(seen.progress && seen.color);
        let seen = look(When::Auto, When::Auto, false, &[("TERM", "xterm")]);
        assert!(!seen.progress && !seen.color);
    }

    #[test]
    fn the_environment_can_ask_for_less_and_an_option_for_more() {
        let auto = |env: &[(&str, &str)]| {
            let term = ("TERM", "xterm");
            let env: Vec<_> = env.iter().copied().chain([term]).collect();
            look(When::Auto, When::Auto, true, &env)
        };
        assert!(!auto(&[("NO_COLOR", "1")]).color && auto(&[("NO_COLOR", "1")]).progress);
        assert!(auto(&[("NO_COLOR", "")]).color);
        assert!(!auto(&[("TERM", "dumb")]).color && !auto(&[("TERM", "dumb")]).progress);
        assert!(!auto(&[("CI", "true")]).progress && auto(&[("CI", "false")]).progress);
        for no_term in [&[][..], &[("TERM", "")]] {
            let seen = look(When::Auto, When::Auto, true, no_term);
            assert!(!seen.progress && !seen.color, "{no_term:?}");
        }
        let always = look(When::Always, When::Always, false, &[("NO_COLOR", "1"), ("CI", "1")]);
        assert!(always.progress && always.color);
        let never = look(When::Never, When::Never, true, &[]);
        assert!(!never.progress && !never.color);
    }

    #[test]
    fn the_first_locale_variable_that_is_set_decides_on_ascii() {
        let unicode = |env: &[(&str, &str)]| look(When::Auto, When::Auto, true, env).unicode;
        assert!(unicode(&[("LANG", "de_DE.UTF-8")]));
        assert!(unicode(&[("LC_ALL", ""), ("LC_CTYPE", "C.utf8")]));
        assert!(!unicode(&[("LC_ALL", "C"), ("LANG", "de_DE.UTF-8")]));
        assert!(!unicode(&[]));
    }
}
