//! The pictures of the benchmarks: dots with bars, and lines, on logarithmic scales, since contenders lie powers of ten apart.

use std::ops::Range;

use plotters::coord::Shift;
use plotters::coord::ranged1d::{AsRangedCoord, ValueFormatter};
use plotters::prelude::*;

use super::number;

/// Where the names of the lines stand: where no line does.
pub use plotters::prelude::SeriesLabelPosition as Corner;

/// Why a picture could not be drawn.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;
/// A part of a picture.
pub type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

const FONT: &str = "sans-serif";

/// Colours that people who see few colours can tell apart.
pub mod colours {
    use plotters::style::RGBColor;

    /// The bare system calls.
    pub const RAW: RGBColor = RGBColor(120, 120, 120);
    /// Ours.
    pub const OURS: RGBColor = RGBColor(0, 114, 178);
    /// Ours in another way.
    pub const OURS_TOO: RGBColor = RGBColor(86, 180, 233);
    /// A peer.
    pub const PEER: RGBColor = RGBColor(213, 94, 0);
    /// Another peer.
    pub const OTHER_PEER: RGBColor = RGBColor(230, 159, 0);
}

/// A row of a chart of dots: whose, where its dot is, and how far its bar reaches.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its name.
    pub label: String,
    /// Its colour.
    pub colour: RGBColor,
    /// The dot.
    pub dot: f64,
    /// The end of the bar; at the dot for none.
    pub bar: f64,
}

/// A line of a chart of lines.
#[derive(Clone, Debug)]
pub struct Line {
    /// Its name.
    pub label: String,
    /// Its colour.
    pub colour: RGBColor,
    /// Its points, from left to right.
    pub points: Vec<(f64, f64)>,
}

/// A picture in two halves, as SVG.
///
/// # Errors
/// Those of the two halves.
pub fn halves(
    (width, height): (u32, u32),
    left_width: u32,
    draw: impl FnOnce(&Area<'_>, &Area<'_>) -> Result<(), Failure>,
) -> Result<String, Failure> {
    let mut svg = String::new();
    {
        let whole = SVGBackend::with_string(&mut svg, (width, height)).into_drawing_area();
        whole.fill(&WHITE)?;
        let (left, right) = whole.split_horizontally(left_width);
        draw(&left, &right)?;
        whole.present()?;
    }
    Ok(svg)
}

/// Draws rows of dots over a logarithmic scale, and their names in so many pixels beside it.
///
/// # Errors
/// When the backend cannot draw.
pub fn dots(
    area: &Area<'_>,
    caption: &str,
    (range, names): (Range<f64>, i32),
    rows: &[Row],
) -> Result<(), Failure> {
    let height = rows.len().max(1) as f64;
    let start = range.start;
    let mut chart = ChartBuilder::on(area)
        .caption(caption, (FONT, 17))
        .margin(12)
        .x_label_area_size(32)
        .y_label_area_size(names)
        .build_cartesian_2d(range.log_scale(), 0.0..height)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .disable_y_mesh()
        .disable_y_axis()
        .y_labels(0)
        .x_label_formatter(&|value| number(*value))
        .label_style((FONT, 12))
        .draw()?;
    for (at, row) in rows.iter().enumerate() {
        let y = height - at as f64 - 0.5;
        let bar = [(row.dot, y), (row.bar, y)];
        chart.draw_series([PathElement::new(bar, row.colour.stroke_width(5))])?;
        chart.draw_series([Circle::new((row.dot, y), 6, row.colour.filled())])?;
        // The axis has no labels of its own: the names stand where they would.
        let (x, y) = chart.backend_coord(&(start, y));
        let base = area.get_base_pixel();
        let place = (x - base.0 - names + 5, y - base.1 - 7);
        area.draw_text(&row.label, &(FONT, 13).into_font().into(), place)?;
    }
    Ok(())
}

/// Draws lines; `across` and `up` are the scales, `written` writes the numbers of the latter.
///
/// # Errors
/// When the backend cannot draw.
pub fn lines<X, Y>(
    area: &Area<'_>,
    caption: &str,
    (across, up): (X, Y),
    written: &dyn Fn(&f64) -> String,
    (lines, names): (&[Line], Corner),
) -> Result<(), Failure>
where
    X: AsRangedCoord<Value = f64>,
    Y: AsRangedCoord<Value = f64>,
    X::CoordDescType: ValueFormatter<f64>,
    Y::CoordDescType: ValueFormatter<f64>,
{
    let mut chart = ChartBuilder::on(area)
        .caption(caption, (FONT, 17))
        .margin(12)
        .margin_right(26)
        .x_label_area_size(32)
        .y_label_area_size(64)
        .build_cartesian_2d(across, up)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .x_label_formatter(&|value| number(*value))
        .y_label_formatter(written)
        .label_style((FONT, 12))
        .draw()?;
    for line in lines {
        let colour = line.colour;
        chart
            .draw_series(LineSeries::new(
                line.points.iter().copied(),
                colour.stroke_width(3),
            ))?
            .label(&line.label)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(3)));
    }
    if !lines.is_empty() {
        chart
            .configure_series_labels()
            .position(names)
            .background_style(WHITE.mix(0.9))
            .border_style(BLACK.mix(0.3))
            .label_font((FONT, 13))
            .draw()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_names_its_rows_and_lines_and_says_nothing_of_what_was_not_measured() {
        let row = Row {
            label: "ours".to_owned(),
            colour: colours::OURS,
            dot: 10.0,
            bar: 20.0,
        };
        let line = Line {
            label: "theirs".to_owned(),
            colour: colours::PEER,
            points: vec![(1.0, 0.1), (100.0, 0.9)],
        };
        let draw = |rows: &[Row], all: &[Line]| {
            halves((600, 300), 300, |left, right| {
                dots(left, "dots", (1.0..1_000.0, 100), rows)?;
                let scales = ((1.0..1_000.0).log_scale(), 0.0..1.0);
                let all = (all, Corner::LowerRight);
                lines(right, "lines", scales, &|share| number(*share), all)
            })
            .unwrap()
        };
        let svg = draw(&[row], &[line]);
        for text in ["ours", "theirs", "dots", "lines", "1,000"] {
            assert!(svg.contains(text), "{text}: {svg}");
        }
        let empty = draw(&[], &[]);
        assert!(empty.contains("dots") && !empty.contains("ours"));
    }
}
