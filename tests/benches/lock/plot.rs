//! The picture of a measurement: on the left what moments cost, on the right how long a crowd waits.

use latchwork_tests::measure::chart::{Corner, Failure, Line, Row, colours, dots, halves, lines};
use latchwork_tests::measure::{Figures, Sample};
use plotters::prelude::*;

use crate::contender::Contender;
use crate::{Results, alone, crash, crowd, hand_over};

/// The picture as SVG.
pub(crate) fn draw(results: &Results) -> Result<String, Failure> {
    halves((1_100, 560), 560, |left, right| {
        let caption = "p50 (dot) and p99 (bar), microseconds";
        dots(
            left,
            caption,
            (1.0..200_000.0, 170),
            &rows(&results.figures),
        )?;
        let crowd = crowd::CROWDS.last().copied().unwrap_or_default();
        let caption = format!("Waits of {crowd} greedy processes: share below, by ms");
        let scales = ((0.001..5_000.0).log_scale(), 0.0..1.0);
        let percent = |share: &f64| format!("{:.0} %", share * 100.0);
        let waits = waits(results);
        let named = (&waits[..], Corner::LowerRight);
        lines(right, &caption, scales, &percent, named)
    })
}

fn rows(figures: &Figures) -> Vec<Row> {
    let mut rows = Vec::new();
    let parts = [
        (
            "cycle",
            alone::SECTION,
            alone::CASE,
            alone::P50,
            alone::P99,
            1.0,
        ),
        (
            "hand-over",
            hand_over::SECTION,
            hand_over::CASE,
            hand_over::P50,
            hand_over::P99,
            1e3,
        ),
        (
            "after a kill",
            crash::SECTION,
            crash::ONE,
            crash::P50,
            crash::P99,
            1e3,
        ),
    ];
    for (what, section, case, p50, p99, micros) in parts {
        for of in [
            Contender::Flock,
            Contender::Never,
            Contender::Always,
            Contender::OpenClaw,
        ] {
            let find = |metric| {
                figures
                    .median(section, case, of.name(), metric)
                    .map(|value| value * micros)
            };
            if let Some(median) = find(p50) {
                rows.push(Row {
                    label: format!("{what}: {of}"),
                    colour: colour(of.name()),
                    dot: median,
                    bar: find(p99).unwrap_or(median),
                });
            }
        }
    }
    rows
}

fn waits(results: &Results) -> Vec<Line> {
    let line = |(name, sample): &(&'static str, Sample)| Line {
        label: (*name).to_owned(),
        colour: colour(name),
        points: (0..=200)
            .filter_map(|step| {
                let share = f64::from(step) / 200.0;
                sample.quantile(share).map(|ms| (ms.max(0.001), share))
            })
            .collect(),
    };
    results.waits.iter().map(line).collect()
}

fn colour(name: &str) -> RGBColor {
    let is = |of: Contender| of.name() == name;
    if is(Contender::Flock) {
        colours::RAW
    } else if is(Contender::Never) {
        colours::OURS_TOO
    } else if is(Contender::Always) {
        colours::OURS
    } else {
        colours::PEER
    }
}
