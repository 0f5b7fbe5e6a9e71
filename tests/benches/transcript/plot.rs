//! The picture of a measurement: on the left what it takes to see something of a session, on the right how fast one grows.

use latchwork_tests::conversations::Shape;
use latchwork_tests::measure::chart::{Corner, Failure, Line, Row, colours, dots, halves, lines};
use latchwork_tests::measure::{Figures, number};
use plotters::prelude::*;

use crate::contender::Contender;
use crate::size::Size;
use crate::{append, last, list, open};

/// Where an empty session stands on a scale that has no zero.
const EMPTY_AT: f64 = 100.0;

/// The picture as SVG.
pub(crate) fn draw(figures: &Figures, size: &Size) -> Result<String, Failure> {
    halves((1_240, 600), 660, |left, right| {
        dots(
            left,
            "Milliseconds, the first time in a process",
            (0.01..10_000.0, 235),
            &moments(figures, size),
        )?;
        let most = size.append_to.last().copied().unwrap_or(1) as f64;
        let caption = "Messages a second, by entries there already (100 for none)";
        let scales = (
            (EMPTY_AT..most.max(1_000.0)).log_scale(),
            (0.5..2_000_000.0).log_scale(),
        );
        let rates = rates(figures, size);
        let named = (&rates[..], Corner::LowerLeft);
        lines(right, caption, scales, &|rate| number(*rate), named)
    })
}

fn moments(figures: &Figures, size: &Size) -> Vec<Row> {
    let entries = size.open.last().copied().unwrap_or_default();
    let short = |entries: u64| number(entries as f64);
    let (ours, saved, values, pi) = (
        Contender::Ours,
        Contender::OursSaved,
        Contender::OursValues,
        Contender::Pi,
    );
    let parts: [(String, &str, String, &str, &[Contender]); 4] = [
        (
            format!("compacted {}", short(entries)),
            open::SECTION,
            open::case(Shape::Mixed, entries),
            open::MS,
            &[saved, ours, pi, Contender::OpenClawState],
        ),
        (
            format!("all of {}", short(entries)),
            open::SECTION,
            open::case(Shape::Linear, entries),
            open::MS,
            &[ours, values, pi, Contender::OpenClawState],
        ),
        (
            "last 50".to_owned(),
            last::SECTION,
            last::case(entries),
            last::MS,
            &[saved, ours, pi, Contender::OpenClaw],
        ),
        (
            format!("list {}", short(size.list.0)),
            list::SECTION,
            list::case(size),
            list::MS,
            &[ours, pi, Contender::OpenClaw],
        ),
    ];
    let mut rows = Vec::new();
    for (what, section, case, metric, contenders) in parts {
        for of in contenders {
            if let Some(spread) = figures.get(section, &case, of.name(), metric) {
                rows.push(Row {
                    label: format!("{what}: {of}"),
                    colour: colour(*of),
                    dot: spread.median,
                    bar: spread.max,
                });
            }
        }
    }
    rows
}

fn rates(figures: &Figures, size: &Size) -> Vec<Line> {
    let all = [
        (Contender::Raw, 1),
        (Contender::Ours, append::BATCH),
        (Contender::Ours, 1),
        (Contender::Pi, 1),
        (Contender::OpenClaw, 1),
    ];
    let line = |(of, batch): (Contender, usize)| Line {
        label: match batch {
            1 => of.name().to_owned(),
            many => format!("{of}, {many} a commit"),
        },
        colour: match batch {
            1 => colour(of),
            _ => colours::OURS_TOO,
        },
        points: size
            .append_to
            .iter()
            .filter_map(|entries| {
                let case = append::case(*entries, batch);
                let rate = figures.median(append::SECTION, &case, of.name(), append::RATE)?;
                Some(((*entries as f64).max(EMPTY_AT), rate))
            })
            .collect(),
    };
    all.into_iter()
        .map(line)
        .filter(|line| !line.points.is_empty())
        .collect()
}

fn colour(of: Contender) -> RGBColor {
    match of {
        Contender::Raw => colours::RAW,
        Contender::OursSaved | Contender::OursValues => colours::OURS_TOO,
        Contender::Pi | Contender::NewPi => colours::OTHER_PEER,
        Contender::OpenClaw | Contender::OpenClawState => colours::PEER,
        _ => colours::OURS,
    }
}
