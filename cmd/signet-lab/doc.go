// Command signet-lab measures a running issuer: how many calls of a kind it answers, how fast, and what each costs.
package main
