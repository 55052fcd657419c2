//! Colours and weights: only the terminal's own sixteen colours, which its owner can read, be it dark or light. Nothing is
//! said by colour alone.

use ratatui::style::{Color, Modifier, Style};

#[derive(Clone, Copy)]
pub(super) struct Paint {
    has_colour: bool,
}

impl Paint {
    pub const fn new(has_colour: bool) -> Self {
        Paint { has_colour }
    }

    fn coloured(self, colour: Color) -> Style {
        match self.has_colour {
            true => Style::new().fg(colour),
            false => Style::new(),
        }
    }

    /// What is looked for first.
    pub fn strong(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// Labels, and what can be passed over.
    pub fn quiet(self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    pub fn good(self) -> Style {
        self.coloured(Color::Green)
    }

    pub fn chart(self) -> Style {
        self.coloured(Color::Cyan)
    }

    pub fn name(self) -> Style {
        self.coloured(Color::Cyan).add_modifier(Modifier::BOLD)
    }

    pub fn warning(self) -> Style {
        self.coloured(Color::Yellow).add_modifier(Modifier::BOLD)
    }

    pub fn critical(self) -> Style {
        self.coloured(Color::Red).add_modifier(Modifier::BOLD)
    }

    /// What lies on a ground of that colour.
    pub fn badge(self, style: Style) -> Style {
        style.add_modifier(Modifier::REVERSED)
    }
}
