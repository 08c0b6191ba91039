//! What a customer bought and owes, and what is in the books: reading only.
