//! A snapshot drawn on a terminal: progress, configurations, agents. The terminal is given back however the watch ends: by a
//! key, by a signal (the screen is dropped), by a panic (a hook).

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ratatui::DefaultTerminal;
use ratatui::Frame;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, Gauge, Paragraph, Row, Table};

use super::agents::Alive;
use super::lines::{count, life, share, summary};
use super::scan::{GroupState, Snapshot};
use crate::error::ReportError;

/// What the person at the keyboard wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// Nothing.
    None,
    /// To see other lines, or the same in a new size.
    Redraw,
    /// To leave.
    Quit,
}

/// A terminal in use.
pub struct Screen {
    terminal: DefaultTerminal,
    colour: bool,
    /// First line of the configurations shown.
    scrolled: AtomicUsize,
}

impl Screen {
    /// Takes the terminal; dropping the screen gives it back.
    pub fn open(colour: bool) -> Result<Self, ReportError> {
        let terminal = ratatui::try_init().map_err(ReportError::Terminal)?;
        Ok(Self { terminal, colour, scrolled: AtomicUsize::new(0) })
    }

    /// Draws a snapshot.
    pub fn draw(&mut self, snapshot: &Snapshot) -> Result<(), ReportError> {
        let view = View { colour: self.colour, scrolled: self.scrolled.load(Ordering::Relaxed) };
        self.terminal.draw(|frame| view.draw(frame, snapshot)).map_err(ReportError::Terminal)?;
        Ok(())
    }

    /// Waits for a key, at most this long.
    pub fn wish(&self, wait: Duration) -> Result<Wish, ReportError> {
        if !event::poll(wait).map_err(ReportError::Terminal)? {
            return Ok(Wish::None);
        }
        let key = match event::read().map_err(ReportError::Terminal)? {
            Event::Key(key) if key.kind != KeyEventKind::Release => key,
            Event::Resize(..) => return Ok(Wish::Redraw),
            _ => return Ok(Wish::None),
        };
        let scroll = |by: isize| {
            let now = self.scrolled.load(Ordering::Relaxed);
            self.scrolled.store(now.saturating_add_signed(by), Ordering::Relaxed);
            Wish::Redraw
        };
        Ok(match key.code {
            KeyCode::Char('q') | KeyCode::Esc => Wish::Quit,
            // The terminal is raw: this is what would have been an interrupt.
            KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => Wish::Quit,
            KeyCode::Down | KeyCode::Char('j') => scroll(1),
            KeyCode::Up | KeyCode::Char('k') => scroll(-1),
            KeyCode::PageDown => scroll(10),
            KeyCode::PageUp => scroll(-10),
            _ => Wish::None,
        })
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        ratatui::restore();
    }
}

struct View {
    colour: bool,
    scrolled: usize,
}

impl View {
    fn draw(&self, frame: &mut Frame<'_>, snapshot: &Snapshot) {
        let groups = snapshot.groups.len().max(1) as u32;
        let parts = vec![Constraint::Ratio(1, groups); groups as usize];
        let [main, foot] = Layout::vertical([Constraint::Min(0), Constraint::Length(1)]).areas(frame.area());
        for (group, area) in snapshot.groups.iter().zip(Layout::vertical(parts).split(main).iter()) {
            self.group(frame, *area, group);
        }
        let hint = if snapshot.finished() { "everything is done; q quits" } else { "q quits, arrows scroll" };
        frame.render_widget(Paragraph::new(hint).style(self.soft()), foot);
    }

    fn group(&self, frame: &mut Frame<'_>, area: Rect, group: &GroupState) {
        let agents = (group.agents.len().min(8) + 2) as u16;
        let shown_agents = if group.agents.is_empty() { 0 } else { agents };
        let [title, gauge, facts, configurations, agents] = Layout::vertical([
            Constraint::Length(1),
            Constraint::Length(1),
            Constraint::Length(2),
            Constraint::Min(0),
            Constraint::Length(shown_agents),
        ])
        .areas(area);
        let name = format!("{} / {}", group.dataset, group.model);
        let bold = Style::new().add_modifier(Modifier::BOLD);
        frame.render_widget(Line::from(Span::styled(name, bold)), title);
        let ratio = group.total.map_or(0.0, |total| group.done as f64 / total.max(1) as f64).clamp(0.0, 1.0);
        let bar = Gauge::default()
            .ratio(ratio)
            .label(format!("{:.1} %", 100.0 * ratio))
            .gauge_style(self.tint(Color::Cyan));
        if group.total.is_some() {
            frame.render_widget(bar, gauge);
        }
        let text = summary(group).join("  ·  ");
        frame.render_widget(Paragraph::new(text).wrap(ratatui::widgets::Wrap { trim: true }), facts);
        self.configurations(frame, configurations, group);
        self.agents(frame, agents, group);
    }

    fn configurations(&self, frame: &mut Frame<'_>, area: Rect, group: &GroupState) {
        let room = usize::from(area.height.saturating_sub(2)).max(1);
        let first = self.scrolled.min(group.configurations.len().saturating_sub(room));
        let rows = group.configurations.iter().skip(first).map(|own| {
            let of = own.total.map(|total| format!("/{total}")).unwrap_or_default();
            let done = own.total.is_some_and(|total| own.done >= total);
            Row::new([
                own.name.clone(),
                format!("{}{of}", own.done),
                own.passed.to_string(),
                share(own.passed, own.done),
                count(own.tokens),
                own.errors.to_string(),
            ])
            .style(if done { self.soft() } else { Style::new() })
        });
        let widths = [24, 11, 7, 6, 8, 6].map(Constraint::Length);
        let widths = std::iter::once(Constraint::Min(16)).chain(widths.into_iter().skip(1));
        let head = Row::new(["configuration", "done", "passed", "%", "tokens", "errors"]).style(self.soft());
        let table = Table::new(rows, widths)
            .header(head)
            .block(Block::new().borders(Borders::TOP).border_style(self.soft()));
        frame.render_widget(table, area);
    }

    fn agents(&self, frame: &mut Frame<'_>, area: Rect, group: &GroupState) {
        let rows = group.agents.iter().map(|agent| {
            let style = match agent.alive {
                Alive::Yes => Style::new(),
                Alive::Ended => self.soft(),
                Alive::Gone => self.tint(Color::Red),
            };
            Row::new([
                agent.id.clone(),
                life(agent.alive, agent.state).to_owned(),
                agent.current.first().cloned().unwrap_or_default(),
                agent.done.to_string(),
                agent.errors.to_string(),
            ])
            .style(style)
        });
        let widths = [
            Constraint::Length(24),
            Constraint::Length(11),
            Constraint::Min(10),
            Constraint::Length(8),
            Constraint::Length(6),
        ];
        let head = Row::new(["agent", "state", "now", "done", "errors"]).style(self.soft());
        let table = Table::new(rows, widths)
            .header(head)
            .block(Block::new().borders(Borders::TOP).border_style(self.soft()));
        frame.render_widget(table, area);
    }

    fn tint(&self, colour: Color) -> Style {
        if self.colour { Style::new().fg(colour) } else { Style::new() }
    }

    fn soft(&self) -> Style {
        if self.colour { Style::new().fg(Color::DarkGray) } else { Style::new() }
    }
}

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::super::scan::ConfigState;
    use super::*;

    #[test]
    fn every_size_of_a_window_is_drawn() {
        let state = ConfigState {
            name: "ns3t0.7d3k1_ln".into(),
            total: Some(40),
            done: 12,
            passed: 5,
            ..ConfigState::default()
        };
        let group = GroupState {
            dataset: "mbpp".into(),
            model: "m".into(),
            total: Some(40),
            tasks: 20,
            done: 12,
            passed: 5,
            solved: 4,
            until_solved: false,
            tokens: 34_000,
            errors: 1,
            rate: Some(0.5),
            configurations: vec![state],
            agents: Vec::new(),
        };
        let snapshot = Snapshot { groups: vec![group] };
        for (width, height) in [(1, 1), (20, 5), (80, 24), (200, 60)] {
            let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
            let view = View { colour: false, scrolled: 99 };
            terminal.draw(|frame| view.draw(frame, &snapshot)).unwrap();
            if width >= 80 {
                let cells: String =
                    terminal.backend().buffer().content().iter().map(ratatui::buffer::Cell::symbol).collect();
                for part in ["mbpp / m", "30.0 %", "ns3t0.7d3k1_ln", "12/40", "about 56 s", "1 error"] {
                    assert!(cells.contains(part), "{part} is not in {cells}");
                }
            }
        }
    }
}
