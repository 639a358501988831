// Package revocations measures how long services go on accepting a revoked
// token that they verify offline.
package revocations
