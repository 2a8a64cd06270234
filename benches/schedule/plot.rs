//! A plot as SVG: requests to the right, lag upwards, both in powers of ten. A schedule is beaten
//! by whatever is below it and to its left.

use std::fmt::Write as _;

use crate::{bound::Point, wait::Summary};

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 420.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 44.0;
const BOTTOM: f64 = 54.0;

/// One axis, in powers of ten.
struct Axis {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl Axis {
    fn around(values: impl Iterator<Item = f64> + Clone, from: f64, to: f64) -> Self {
        let low = values.clone().fold(f64::INFINITY, f64::min) / 1.6;
        let high = values.fold(0.0, f64::max) * 1.6;
        Self { low: low.log10(), high: high.log10(), from, to }
    }

    fn place(&self, value: f64) -> f64 {
        let part = (value.log10() - self.low) / (self.high - self.low);
        self.from + part * (self.to - self.from)
    }

    /// 1, 2 and 5 times each power of ten in range.
    fn ticks(&self) -> impl Iterator<Item = f64> {
        let (low, high) = (self.low, self.high);
        let tick = |power: i32| [1.0, 2.0, 5.0].map(|digit| digit * 10f64.powi(power));
        (-2..5).flat_map(tick).filter(move |tick| (low..=high).contains(&tick.log10()))
    }
}

/// The plot of one kind of traces; the first row is ours, the line is the bound.
pub(crate) fn lag_against_requests(
    family: &str,
    rows: &[(&str, Summary)],
    hull: &[Point],
) -> String {
    let x = Axis::around(rows.iter().map(|(_, row)| row.requests), LEFT, WIDTH - RIGHT);
    let y = Axis::around(rows.iter().map(|(_, row)| row.mean_lag), HEIGHT - BOTTOM, TOP);
    let mut svg = frame(family, &x, &y);
    let _ = writeln!(svg, r#"<path class="bound" d="{}"/>"#, curve(hull, &x, &y));
    for (number, (name, row)) in rows.iter().enumerate() {
        let ours = number == 0;
        let (at, up) = (x.place(row.requests), y.place(row.mean_lag));
        let (radius, class) = if ours { (7, "ours") } else { (5, "peer") };
        let _ =
            writeln!(svg, r#"<circle cx="{at:.1}" cy="{up:.1}" r="{radius}" class="{class}"/>"#);
        // Ours below and to the left, clear of the peers that lie along the same curve.
        let (text_at, text_up, anchor) = if ours {
            (at - 8.0, up + 20.0, "end")
        } else if at < WIDTH - RIGHT - 100.0 {
            (at + 10.0, up + 4.0, "start")
        } else {
            (at - 10.0, up + 4.0, "end")
        };
        let _ = writeln!(
            svg,
            r#"<text x="{text_at:.1}" y="{text_up:.1}" text-anchor="{anchor}" class="{class}">{name}</text>"#
        );
    }
    svg + "</svg>\n"
}

/// The part of the hull that lies in the picture.
fn curve(hull: &[Point], x: &Axis, y: &Axis) -> String {
    let is_inside = |point: &&Point| {
        (x.low..=x.high).contains(&point.requests.log10())
            && (y.low..=y.high).contains(&point.lag.log10())
    };
    let mut curve = String::new();
    for point in hull.iter().filter(is_inside) {
        let step = if curve.is_empty() { 'M' } else { 'L' };
        let _ = write!(curve, "{step}{:.1} {:.1}", x.place(point.requests), y.place(point.lag));
    }
    curve
}

fn frame(family: &str, x: &Axis, y: &Axis) -> String {
    let (bottom, right) = (HEIGHT - BOTTOM, WIDTH - RIGHT);
    let mut svg = format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="13">
<style>
.peer {{ fill: #57606a; }} .ours {{ fill: #bc4c00; font-weight: bold; }}
.line {{ stroke: #d0d7de; }} .bound {{ stroke: #0969da; stroke-width: 2; fill: none; }} text {{ fill: #24292f; }}
</style>
<rect width="100%" height="100%" fill="#ffffff"/>
<text x="{LEFT}" y="24" font-weight="bold">{family}: lag against requests; the line bounds all that ignore the status</text>
"##
    );
    for tick in x.ticks() {
        let at = x.place(tick);
        let _ = writeln!(
            svg,
            r#"<path class="line" d="M{at:.1} {TOP}V{bottom}"/><text x="{at:.1}" y="{:.1}" text-anchor="middle">{tick}</text>"#,
            bottom + 18.0
        );
    }
    for tick in y.ticks() {
        let up = y.place(tick);
        let _ = writeln!(
            svg,
            r#"<path class="line" d="M{LEFT} {up:.1}H{right}"/><text x="{:.1}" y="{:.1}" text-anchor="end">{tick} s</text>"#,
            LEFT - 8.0,
            up + 4.0
        );
    }
    let middle = f64::midpoint(LEFT, right);
    let _ = writeln!(
        svg,
        r#"<text x="{middle}" y="{}" text-anchor="middle">requests for one wait (mean)</text>"#,
        HEIGHT - 12.0
    );
    svg
}
