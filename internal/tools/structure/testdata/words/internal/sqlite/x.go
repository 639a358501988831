package sqlite

// addGuesses adds rows.
const insert = "INSERT INTO guesses VALUES (door)"
