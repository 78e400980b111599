//! What a thing on the screen means; how it looks is the theme's.

/// A meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Plain text.
    Text,
    /// Less important text.
    Dim,
    /// What the eye goes to first.
    Strong,
    /// Headings.
    Title,
    /// The line at the top.
    Header,
    /// Lines around things.
    Border,
    /// Lines around what has the focus.
    BorderFocus,
    /// The selected row.
    Selection,
    /// A marked row.
    Mark,
    /// A key in footer and help.
    Key,
    /// A tab.
    Tab,
    /// The tab in front.
    TabActive,
    /// All is well.
    Ok,
    /// It should be looked at.
    Warn,
    /// It must be looked at now.
    Crit,
    /// Nothing is known of it.
    Unknown,
    /// Out by an operator's order.
    Drain,
    /// For information.
    Info,
    /// A value that is old.
    Stale,
    /// Became more.
    DeltaUp,
    /// Became less.
    DeltaDown,
    /// First colour of charts.
    Chart1,
    /// Second colour of charts.
    Chart2,
    /// Third colour of charts.
    Chart3,
    /// Fourth colour of charts.
    Chart4,
    /// What cannot be taken back.
    Danger,
    /// Where text is typed.
    Input,
    /// Short messages.
    Toast,
}

impl Role {
    /// Every role; the index of one is its discriminant.
    pub const ALL: [Role; 28] = [
        Role::Text,
        Role::Dim,
        Role::Strong,
        Role::Title,
        Role::Header,
        Role::Border,
        Role::BorderFocus,
        Role::Selection,
        Role::Mark,
        Role::Key,
        Role::Tab,
        Role::TabActive,
        Role::Ok,
        Role::Warn,
        Role::Crit,
        Role::Unknown,
        Role::Drain,
        Role::Info,
        Role::Stale,
        Role::DeltaUp,
        Role::DeltaDown,
        Role::Chart1,
        Role::Chart2,
        Role::Chart3,
        Role::Chart4,
        Role::Danger,
        Role::Input,
        Role::Toast,
    ];

    /// Its name in a theme; what follows a dot falls back to what stands before it, and that to `text`.
    pub const fn name(self) -> &'static str {
        match self {
            Role::Text => "text",
            Role::Dim => "text.dim",
            Role::Strong => "text.strong",
            Role::Title => "title",
            Role::Header => "header",
            Role::Border => "border",
            Role::BorderFocus => "border.focus",
            Role::Selection => "selection",
            Role::Mark => "mark",
            Role::Key => "key",
            Role::Tab => "tab",
            Role::TabActive => "tab.active",
            Role::Ok => "status.ok",
            Role::Warn => "status.warn",
            Role::Crit => "status.crit",
            Role::Unknown => "status.unknown",
            Role::Drain => "status.drain",
            Role::Info => "status.info",
            Role::Stale => "stale",
            Role::DeltaUp => "delta.up",
            Role::DeltaDown => "delta.down",
            Role::Chart1 => "chart.1",
            Role::Chart2 => "chart.2",
            Role::Chart3 => "chart.3",
            Role::Chart4 => "chart.4",
            Role::Danger => "danger",
            Role::Input => "input",
            Role::Toast => "toast",
        }
    }

    /// Whether it may be fainter than text that must be read.
    pub const fn faint(self) -> bool {
        matches!(self, Role::Dim | Role::Border | Role::BorderFocus | Role::Stale | Role::Tab)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_found_at_its_discriminant() {
        for (place, role) in Role::ALL.into_iter().enumerate() {
            assert_eq!(role as usize, place);
        }
    }
}
