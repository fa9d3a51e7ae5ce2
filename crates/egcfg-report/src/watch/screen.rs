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

/// Lines in which an experiment can show its name, its summary, and a row.
const LEAST: u16 = 4;

/// Lines of an experiment's name, bar, summary, configurations and agents. Configurations get what they need first; the bar
/// and the agents are for windows that have room.
fn heights(height: u16, agents: usize) -> [u16; 5] {
    let roomy = height >= 12;
    let title = height.min(1);
    let gauge = u16::from(roomy);
    let facts = if roomy { 2 } else { u16::from(height >= 3) };
    let rest = height - title - gauge - facts;
    let wanted = if agents == 0 { 0 } else { agents.min(8) as u16 + 2 };
    let agents = if roomy { wanted.min(rest / 3) } else { 0 };
    [title, gauge, facts, rest - agents, agents]
}

struct View {
    colour: bool,
    scrolled: usize,
}

impl View {
    fn draw(&self, frame: &mut Frame<'_>, snapshot: &Snapshot) {
        let foot = u16::from(frame.area().height > LEAST);
        let [main, foot] =
            Layout::vertical([Constraint::Min(0), Constraint::Length(foot)]).areas(frame.area());
        // As many experiments as can show something; the others are counted.
        let fit = usize::from(main.height / LEAST).clamp(1, snapshot.groups.len().max(1));
        let parts = vec![Constraint::Ratio(1, fit as u32); fit];
        for (group, area) in snapshot.groups.iter().zip(Layout::vertical(parts).split(main).iter()) {
            self.group(frame, *area, group);
        }
        let mut hint =
            if snapshot.finished() { "everything is done; q quits" } else { "q quits, arrows scroll" }
                .to_owned();
        if let Some(more) = snapshot.groups.len().checked_sub(fit).filter(|more| *more > 0) {
            hint = format!("{hint}; {more} more experiments: --dataset and --model choose");
        }
        frame.render_widget(Paragraph::new(hint).style(self.soft()), foot);
    }

    fn group(&self, frame: &mut Frame<'_>, area: Rect, group: &GroupState) {
        let [title, gauge, facts, configurations, agents] =
            Layout::vertical(heights(area.height, group.agents.len()).map(Constraint::Length)).areas(area);
        let name = format!("{} / {}", group.dataset, group.model);
        let bold = Style::new().add_modifier(Modifier::BOLD);
        frame.render_widget(Line::from(Span::styled(name, bold)), title);
        let ratio = group.total.map_or(0.0, |total| group.done as f64 / total.max(1) as f64).clamp(0.0, 1.0);
        let bar = Gauge::default()
            .ratio(ratio)
            .label(format!("{:.1} %", 100.0 * ratio))
            .gauge_style(self.tint(Color::Cyan));
        if group.total.is_some() && gauge.height > 0 {
            frame.render_widget(bar, gauge);
        }
        let text = summary(group).join("  ·  ");
        frame.render_widget(Paragraph::new(text).wrap(ratatui::widgets::Wrap { trim: true }), facts);
        self.configurations(frame, configurations, group);
        self.agents(frame, agents, group);
    }

    fn configurations(&self, frame: &mut Frame<'_>, area: Rect, group: &GroupState) {
        // In a small window the rows matter more than the line above them, then more than their titles.
        let (border, titles) = (area.height > 6, area.height > 1);
        let room = usize::from(area.height.saturating_sub(u16::from(border) + u16::from(titles))).max(1);
        let wide = area.width >= 56;
        let first = self.scrolled.min(group.configurations.len().saturating_sub(room));
        let rows = group.configurations.iter().skip(first).map(|own| {
            let of = own.total.map(|total| format!("/{total}")).unwrap_or_default();
            let done = own.total.is_some_and(|total| own.done >= total);
            let mut cells = vec![own.name.clone(), format!("{}{of}", own.done), own.passed.to_string()];
            if wide {
                cells.extend([share(own.passed, own.done), count(own.tokens), own.errors.to_string()]);
            }
            Row::new(cells).style(if done { self.soft() } else { Style::new() })
        });
        let columns = if wide { 6 } else { 3 };
        let widths = [11, 7, 6, 8, 6].map(Constraint::Length);
        let widths = std::iter::once(Constraint::Min(if wide { 16 } else { 8 })).chain(widths).take(columns);
        let head = ["configuration", "done", "passed", "%", "tokens", "errors"].into_iter().take(columns);
        let mut table = Table::new(rows, widths);
        if titles {
            table = table.header(Row::new(head).style(self.soft()));
        }
        if border {
            table = table.block(Block::new().borders(Borders::TOP).border_style(self.soft()));
        }
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

    use egcfg_results::AgentState;

    use super::super::agents::AgentView;
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
        let agent = AgentView {
            id: "host-1".into(),
            place: "host 1".into(),
            alive: Alive::Yes,
            state: AgentState::Running,
            done: 1,
            current: Vec::new(),
            tokens: 1,
            errors: 0,
            last_error: None,
        };
        let busy = GroupState { agents: vec![agent; 20], ..snapshot.groups[0].clone() };
        let several = Snapshot { groups: vec![busy; 9] };
        for (width, height) in [(1, 1), (20, 3), (20, 5), (40, 8), (80, 12), (80, 24), (200, 60)] {
            for (snapshot, experiments) in [(&snapshot, 1), (&several, 9)] {
                let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
                let view = View { colour: false, scrolled: 99 };
                terminal.draw(|frame| view.draw(frame, snapshot)).unwrap();
                let cells: String =
                    terminal.backend().buffer().content().iter().map(ratatui::buffer::Cell::symbol).collect();
                let full = width >= 80 && height >= 24 && experiments == 1;
                let parts =
                    ["mbpp / m", "ns3t0", "12/40", "30.0 %", "ns3t0.7d3k1_ln", "about 56 s", "1 error"];
                // Name and row stand in every window that has room for two lines.
                let wanted = if full { parts.len() } else { 3 * usize::from(height >= 3) };
                for part in &parts[..wanted] {
                    assert!(
                        cells.contains(part),
                        "{width} x {height}, {experiments}: {part} is not in {cells}"
                    );
                }
            }
        }
    }
}
