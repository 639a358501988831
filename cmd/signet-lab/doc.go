// Command signet-lab measures an issuer: how many calls a second it answers,
// how long they take and what they cost, and how close that is to the limits of
// the machine.
package main
