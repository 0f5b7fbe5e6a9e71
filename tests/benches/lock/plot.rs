//! The picture of a measurement: on the left what moments cost, on the right how long a crowd waits. Both on a logarithmic
//! scale, since the contenders lie three powers of ten apart.

use latchwork_tests::measure::{Figures, number};
use plotters::prelude::*;

use crate::contender::Contender;
use crate::{Failure, Results, alone, crash, crowd, hand_over};

const SIZE: (u32, u32) = (1_100, 560);
const LEFT: i32 = 560;
const FONT: &str = "sans-serif";

/// A row of the left chart: whose, and two quantiles in microseconds.
struct Row {
    label: String,
    colour: RGBColor,
    p50: f64,
    p99: Option<f64>,
}

/// The picture as SVG.
pub(crate) fn draw(results: &Results) -> Result<String, Failure> {
    let mut svg = String::new();
    {
        let whole = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        whole.fill(&WHITE)?;
        let (left, right) = whole.split_horizontally(LEFT);
        moments(&left, &rows(&results.figures))?;
        waits(&right, results)?;
        whole.present()?;
    }
    Ok(svg)
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
                    p50: median,
                    p99: find(p99),
                });
            }
        }
    }
    rows
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

fn moments(area: &Area<'_>, rows: &[Row]) -> Result<(), Failure> {
    let height = rows.len().max(1) as f64;
    let mut chart = ChartBuilder::on(area)
        .caption("p50 (dot) and p99 (bar), microseconds", (FONT, 17))
        .margin(12)
        .x_label_area_size(32)
        .y_label_area_size(170)
        .build_cartesian_2d((1.0..200_000.0).log_scale(), 0.0..height)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .disable_y_mesh()
        .disable_y_axis()
        .y_labels(0)
        .x_label_formatter(&|micros| number(*micros))
        .label_style((FONT, 12))
        .draw()?;
    for (at, row) in rows.iter().enumerate() {
        let y = height - at as f64 - 0.5;
        let p99 = row.p99.unwrap_or(row.p50);
        chart.draw_series([PathElement::new(
            [(row.p50, y), (p99, y)],
            row.colour.stroke_width(5),
        )])?;
        chart.draw_series([Circle::new((row.p50, y), 6, row.colour.filled())])?;
        // The axis has no labels of its own: the names stand where they would.
        let (x, y) = chart.backend_coord(&(1.0, y));
        let base = area.get_base_pixel();
        area.draw_text(
            &row.label,
            &(FONT, 13).into_font().into(),
            (x - base.0 - 165, y - base.1 - 7),
        )?;
    }
    Ok(())
}

fn waits(area: &Area<'_>, results: &Results) -> Result<(), Failure> {
    let crowd = crowd::CROWDS.last().copied().unwrap_or_default();
    let mut chart = ChartBuilder::on(area)
        .caption(
            format!("Waits of {crowd} greedy processes: share below, by ms"),
            (FONT, 17),
        )
        .margin(12)
        .x_label_area_size(32)
        .y_label_area_size(46)
        .build_cartesian_2d((0.001..5_000.0).log_scale(), 0.0..1.0)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .x_label_formatter(&|ms| number(*ms))
        .y_label_formatter(&|share| format!("{:.0} %", share * 100.0))
        .label_style((FONT, 12))
        .draw()?;
    for (name, sample) in &results.waits {
        let colour = colour(name);
        let points = (0..=200).filter_map(|step| {
            let share = f64::from(step) / 200.0;
            sample.quantile(share).map(|ms| (ms.max(0.001), share))
        });
        chart
            .draw_series(LineSeries::new(points, colour.stroke_width(3)))?
            .label(*name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(3)));
    }
    if !results.waits.is_empty() {
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::LowerRight)
            .background_style(WHITE.mix(0.9))
            .border_style(BLACK.mix(0.3))
            .label_font((FONT, 13))
            .draw()?;
    }
    Ok(())
}

/// Colours that people who see few colours can tell apart.
fn colour(name: &str) -> RGBColor {
    let is = |of: Contender| of.name() == name;
    if is(Contender::Flock) {
        RGBColor(120, 120, 120)
    } else if is(Contender::Never) {
        RGBColor(86, 180, 233)
    } else if is(Contender::Always) {
        RGBColor(0, 114, 178)
    } else {
        RGBColor(213, 94, 0)
    }
}
