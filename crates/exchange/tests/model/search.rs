//! Breadth-first search through every state of a world, with the shortest way to what is wrong.

use std::collections::HashMap;
use std::fmt::{self, Debug, Write};
use std::hash::Hash;

/// A world with finitely many states.
pub(crate) trait Model {
    /// Everything that can differ.
    type State: Clone + Eq + Hash + Debug;
    /// Something that can happen.
    type Action: Copy + Debug;

    /// How it begins.
    fn initial(&self) -> Self::State;
    /// What can happen next.
    fn actions(&self, state: &Self::State) -> Vec<Self::Action>;
    /// What becomes of it.
    fn step(&self, state: &Self::State, action: Self::Action) -> Self::State;
    /// What must hold of every step, in words when it does not.
    fn check(&self, before: &Self::State, after: &Self::State) -> Result<(), &'static str>;
    /// Whether nothing is left to do.
    fn is_settled(&self, state: &Self::State) -> bool;
    /// Whether the action is no fault: by such actions alone the end must stay reachable.
    fn is_progress(&self, action: Self::Action) -> bool;
}

/// How much was tried.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Explored {
    /// Different states.
    pub(crate) states: usize,
    /// Steps between them.
    pub(crate) steps: usize,
    /// The longest shortest way to a state.
    pub(crate) depth: usize,
}

impl fmt::Display for Explored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Explored { states, steps, depth } = self;
        write!(f, "{states} states, {steps} steps, at most {depth} deep")
    }
}

/// Tries everything.
///
/// # Errors
/// What does not hold, and the shortest way there.
pub(crate) fn explore<M: Model>(model: &M) -> Result<Explored, String> {
    let mut ways = Ways::begin(model);
    let (mut next, mut steps, mut depth) = (0, 0, 0);
    while next < ways.states.len() {
        let state = ways.states[next].clone();
        depth = depth.max(ways.depths[next]);
        for action in model.actions(&state) {
            let after = model.step(&state, action);
            if after == state {
                continue;
            }
            steps += 1;
            let checked = model.check(&state, &after);
            let place = ways.reach(next, action, after);
            if let Err(broken) = checked {
                return Err(ways.tell(broken, next, Some((action, place))));
            }
            if model.is_progress(action) {
                ways.back[place].push(next);
            }
        }
        next += 1;
    }
    match ways.first_without_end(model) {
        Some(dead) => Err(ways.tell(DEAD, dead, None)),
        None => Ok(Explored { states: ways.states.len(), steps, depth }),
    }
}

/// What is said of a state from which nothing leads to the end any more.
pub(crate) const DEAD: &str = "nothing can end it any more";

/// Every state that was reached, how, and by which progress one comes from where.
struct Ways<M: Model> {
    states: Vec<M::State>,
    places: HashMap<M::State, usize>,
    from: Vec<Option<(usize, M::Action)>>,
    depths: Vec<usize>,
    back: Vec<Vec<usize>>,
}

impl<M: Model> Ways<M> {
    fn begin(model: &M) -> Self {
        let first = model.initial();
        Ways {
            states: vec![first.clone()],
            places: HashMap::from([(first, 0)]),
            from: vec![None],
            depths: vec![0],
            back: vec![vec![]],
        }
    }

    fn reach(&mut self, from: usize, action: M::Action, state: M::State) -> usize {
        if let Some(place) = self.places.get(&state) {
            return *place;
        }
        let place = self.states.len();
        self.places.insert(state.clone(), place);
        self.states.push(state);
        self.from.push(Some((from, action)));
        self.depths.push(self.depths[from] + 1);
        self.back.push(vec![]);
        place
    }

    /// The first state from which progress alone does not lead to a settled one.
    fn first_without_end(&self, model: &M) -> Option<usize> {
        let mut has_end: Vec<bool> =
            self.states.iter().map(|state| model.is_settled(state)).collect();
        let mut open: Vec<usize> = (0..has_end.len()).filter(|place| has_end[*place]).collect();
        while let Some(place) = open.pop() {
            for before in &self.back[place] {
                if !std::mem::replace(&mut has_end[*before], true) {
                    open.push(*before);
                }
            }
        }
        has_end.iter().position(|has_end| !has_end)
    }

    fn tell(&self, broken: &str, place: usize, last: Option<(M::Action, usize)>) -> String {
        let mut way = vec![];
        let mut at = place;
        while let Some((from, action)) = self.from[at] {
            way.push(action);
            at = from;
        }
        way.reverse();
        way.extend(last.map(|(action, _)| action));
        let mut text = format!("{broken}, after");
        for action in way {
            write!(text, " {action:?};").expect("a text takes everything");
        }
        let end = last.map_or(place, |(_, place)| place);
        write!(text, " then: {:?}", self.states[end]).expect("a text takes everything");
        text
    }
}
