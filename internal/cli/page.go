package cli

// pageSize is the number of users or grants that a command reads at once.
const pageSize = 1000
