//! Which defaults no peer beats on both axes on any kind of trace, and what they cost.

use wait_ready::Jitter;

use crate::{
    TRACES, beaten_by, compare,
    trace::{FAMILIES, Trace},
    variant::{Shape, Variant},
    wait::{self, Cost, DEFAULTS, Summary},
};

/// The variant that the program has.
const PRESENT: Variant = Variant {
    min: DEFAULTS.0,
    max: DEFAULTS.1,
    factor: 2.0,
    shape: Shape::Upper(1.0 / 3.0),
    restarts: true,
};

fn summary(traces: &[Trace], variant: Variant) -> Summary {
    let costs: Vec<Cost> = traces
        .iter()
        .zip(0..)
        .map(|(trace, seed)| wait::theirs(trace, &mut variant.start(seed)))
        .collect();
    Summary::of(&costs)
}

/// What counts as no worse.
const SLACK: f64 = 1.02;

/// The re-implementation must be the real thing where it claims to be.
fn check_present(traces: &[Trace]) {
    for (trace, seed) in traces.iter().zip(0..100) {
        let real = wait::ours(trace, DEFAULTS, Jitter::Seeded(seed));
        let variant = wait::theirs(trace, &mut PRESENT.start(seed));
        assert_eq!(real, variant, "seed {seed}: the variant is not what Backoff does");
    }
}

/// Prints how many variants survive, those with the bounds of the program, and those that cost
/// nothing.
pub(crate) fn print() {
    let mut survivors: Vec<(Variant, Vec<Summary>)> =
        Variant::all().into_iter().map(|variant| (variant, Vec::new())).collect();
    let tried = survivors.len();
    for family in &FAMILIES {
        let traces = family.traces(TRACES);
        check_present(&traces);
        let peers = compare(family);
        survivors.retain_mut(|(variant, summaries)| {
            let own = summary(&traces, *variant);
            summaries.push(own);
            beaten_by(&own, &peers).is_none() || *variant == PRESENT
        });
        println!("{}: {} left", family.name, survivors.len());
    }
    println!("\n{} of {tried} are beaten by no peer on any kind.", survivors.len());
    let (_, present) =
        survivors.iter().find(|(variant, _)| *variant == PRESENT).expect("kept").clone();

    println!("\nThose between the same bounds (mean lag / requests):\n");
    let bounds = |variant: &Variant| (variant.min, variant.max);
    print_table(survivors.iter().filter(|(variant, _)| bounds(variant) == DEFAULTS));

    println!("\nThose that cost at most {SLACK} times as much on every kind and both axes:\n");
    let close = |(own, present): (&Summary, &Summary)| {
        own.mean_lag <= SLACK * present.mean_lag && own.requests <= SLACK * present.requests
    };
    print_table(survivors.iter().filter(|(_, own)| own.iter().zip(&present).all(close)));
}

fn print_table<'a>(rows: impl Iterator<Item = &'a (Variant, Vec<Summary>)>) {
    println!("| variant | {} |", FAMILIES.map(|family| family.name).join(" | "));
    println!("|---|---|---|---|---|---|");
    for (variant, summaries) in rows {
        let cells: Vec<String> = summaries
            .iter()
            .map(|own| format!("{:.2} s / {:.1}", own.mean_lag, own.requests))
            .collect();
        let mark = if *variant == PRESENT { " (present)" } else { "" };
        println!("| {variant}{mark} | {} |", cells.join(" | "));
    }
}
