//! The files that make `serve`, or an agent, a service of systemd. The first line of each names the path it goes to.

use clap::ValueEnum;

/// The unit as the polkit rule names it.
const OWN: &str = "\"beacondeck.service\"";

/// One of the files, or all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// The unit: hardened, with watchdog, its sockets kept over a restart
    Service,
    /// The user and the group of the unit
    Sysusers,
    /// The directory of the fleet file
    Tmpfiles,
    /// Members of the group may restart and reload the unit, and those of the fleet file
    Polkit,
    /// All of them, one after another
    All,
    /// All that an agent needs on its host instead: unit, user, directories, who may restart what its file names
    Agent,
}

impl Part {
    /// Whether it is of an agent and names the units of its file.
    pub fn is_of_agent(self) -> bool {
        self == Self::Agent
    }

    /// Whether it names the units of the fleet file.
    pub fn names_units(self) -> bool {
        matches!(self, Self::Polkit | Self::All)
    }

    /// Its text; `units` are those of beacons that beacondeck restarts or upgrades.
    pub fn text(self, units: &[String]) -> String {
        match self {
            Self::Service => include_str!("unit/beacondeck.service").to_owned(),
            Self::Sysusers => include_str!("unit/sysusers.conf").to_owned(),
            Self::Tmpfiles => include_str!("unit/tmpfiles.conf").to_owned(),
            Self::Polkit => {
                let named = std::iter::once(OWN.to_owned()).chain(quoted(units));
                include_str!("unit/polkit.rules").replace(OWN, &named.collect::<Vec<_>>().join(", "))
            }
            Self::All => {
                let all = [Self::Service, Self::Sysusers, Self::Tmpfiles, Self::Polkit];
                all.map(|part| part.text(units)).join("\n")
            }
            Self::Agent => {
                let rules = include_str!("unit/agent-polkit.rules");
                let named = quoted(units).collect::<Vec<_>>().join(", ");
                let rules = rules.replace("var units = []", &format!("var units = [{named}]"));
                [
                    include_str!("unit/beacondeck-agent.service"),
                    include_str!("unit/agent-sysusers.conf"),
                    include_str!("unit/agent-tmpfiles.conf"),
                    &rules,
                ]
                .join("\n")
            }
        }
    }
}

fn quoted(units: &[String]) -> impl Iterator<Item = String> {
    units.iter().map(|unit| format!("{unit:?}"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn setting(key: &str) -> String {
        let text = Part::Service.text(&[]);
        let found: Vec<&str> =
            text.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('=')).collect();
        assert_eq!(found.len(), 1, "{key}: {found:?}");
        found[0].to_owned()
    }

    fn seconds(key: &str) -> Duration {
        Duration::from_secs(setting(key).trim_end_matches('s').parse().unwrap())
    }

    #[test]
    fn each_part_begins_with_the_path_it_goes_to_and_all_has_each() {
        let all = Part::All.text(&[]);
        for (part, path) in [
            (Part::Service, "# /etc/systemd/system/beacondeck.service\n"),
            (Part::Sysusers, "# /etc/sysusers.d/beacondeck.conf\n"),
            (Part::Tmpfiles, "# /etc/tmpfiles.d/beacondeck.conf\n"),
            (Part::Polkit, "// /etc/polkit-1/rules.d/50-beacondeck.rules\n"),
        ] {
            assert!(part.text(&[]).starts_with(path), "{part:?}");
            assert!(all.contains(&part.text(&[])), "{part:?}");
        }
    }

    #[test]
    fn the_rule_names_the_units_of_the_fleet_file() {
        let text = Part::Polkit.text(&["lighthouse.service".into(), "nimbus@a.service".into()]);
        let named = "var units = [\"beacondeck.service\", \"lighthouse.service\", \"nimbus@a.service\"];\n";
        assert!(text.contains(named), "{text}");
    }

    #[test]
    fn an_agents_files_are_all_there_and_allow_what_its_file_names() {
        let text = Part::Agent.text(&["lighthouse.service".into()]);
        for path in [
            "# /etc/systemd/system/beacondeck-agent.service\n",
            "\n# /etc/sysusers.d/beacondeck-agent.conf\n",
            "\n# /etc/tmpfiles.d/beacondeck-agent.conf\n",
            "\n// /etc/polkit-1/rules.d/50-beacondeck-agent.rules\n",
            "var units = [\"lighthouse.service\"];\n",
        ] {
            assert!(text.contains(path), "{path}: {text}");
        }
        assert!(Part::Agent.text(&[]).contains("var units = [];\n"), "it may restart nothing");
    }

    #[test]
    fn the_unit_fits_the_defaults_of_the_fleet_file() {
        let text = super::super::EXAMPLE;
        let default = |key: &str| {
            let line = text.lines().find_map(|line| line.trim().strip_prefix(key)).unwrap();
            line.trim().to_owned()
        };
        let stop: u64 = default("#stop:").trim_end_matches('s').parse().unwrap();
        assert!(seconds("TimeoutStopSec") > Duration::from_secs(stop) + Duration::from_secs(10));
        assert_eq!(default("#control:"), format!("/run/{}", setting("RuntimeDirectory")));
        assert_eq!(default("#state:"), format!("/var/lib/{}", setting("StateDirectory")));
        let connections: u64 = default("#connections:").parse().unwrap();
        assert!(setting("LimitNOFILE").parse::<u64>().unwrap() > 2 * connections);
    }
}
