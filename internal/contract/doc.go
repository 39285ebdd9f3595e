// Package contract holds the parts of the repository against each other: folders, template, state machines, Vault
// policies, recorded inputs and the operators' manual must agree on every name, time-out, permission and fault. It reads
// files only, so it needs no platform, and is over in a second. What it finds would otherwise show in an AWS account, in
// the night that the system is needed.
package contract
