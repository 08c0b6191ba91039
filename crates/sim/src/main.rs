//! `cargo xtask sim`: runs seeds.

use clap::Parser;
use std::time::Instant;
use tillsync_sim::plan::Plan;
use tillsync_sim::run::run;

#[derive(Parser)]
struct Args {
    #[arg(long, default_value_t = 10)]
    seeds: u64,
    #[arg(long, default_value_t = 1)]
    from: u64,
}

fn main() {
    let args = Args::parse();
    let start = Instant::now();
    let mut cov = tillsync_sim::coverage::Coverage::default();
    for seed in args.from..args.from + args.seeds {
        let plan = Plan::of(seed);
        let t = Instant::now();
        let o = run(&plan, None);
        println!(
            "{seed} {} {:?} {:?} {} stores",
            &o.digest[..12],
            t.elapsed(),
            o.simulated,
            plan.topology.stores.len()
        );
        for f in &o.findings {
            println!("   {}: {}", f.checker, f.sentence);
        }
        if !o.findings.is_empty() {
            std::fs::write(format!("/tmp/story-{seed}.txt"), o.story.join("\n")).unwrap();
        }
        cov.add(&o.coverage);
    }
    for (w, k, n) in cov.rows() {
        println!("{w:20} {k:40} {n}");
    }
    println!("{:?}", start.elapsed());
}
