//! What a task may hold, as a value: lock scope, phase guard, proof, turn claim and a fair queue.
