//! Context engines: what the model is shown, and how a long conversation is kept within its window.
