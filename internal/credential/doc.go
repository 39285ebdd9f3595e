// Package credential replaces a mail password while the mail flows, so that Vault, the registry and Mailu agree afterwards
// whatever happens in between. Compromise, reconciliation after a restore and routine rotation share it.
//
// A rotation walks stage, set, test, commit. What is where, by the state that it can be found in:
//
//	state    Vault's current   Vault's pending          registry   Mailu
//	idle     old               none, or an invalid one  old        old
//	staged   old               new, based on old        old        old
//	set      old               new, based on old        old        new
//	written  new               new, now invalid         old        new
//	idle     new               none                     new        new
//
// Every step looks at the world before it acts, so that a repeated one finds its work done, and whoever comes after a run
// that died goes on where that one stopped: pending and set is committed, pending and not set is set. Nothing goes back: the
// old password may be the leaked one.
//
// The invariants, which the model test holds against every interleaving:
//
//  1. Vault's current password or its valid pending one opens the mailbox, as long as nobody else writes there.
//  2. After a rotation has succeeded exactly the current one does, and the registry names it.
//  3. A password that was replaced never opens the mailbox after that again.
//
// What holds them:
//
//   - A pending credential is valid only while the version that it is based on is current, and the registry names what it
//     named when that credential was staged, or what Vault holds. The registry is not in Vault: a restore that brings an
//     old pending credential back does not make it valid again.
//   - Vault's writes are check-and-set. The pending secret is never deleted, its versions are destroyed: a version names one
//     credential for ever, while a late deletion could take away a newer one, which Mailu may already have.
//   - Mailu knows no check-and-set. So the pending credential is read again just before the change, the hash that is read
//     back decides, and Commit looks at it once more: what a stale change has undone by then is set again.
//   - A login that is refused proves nothing about a password, because rate limits look the same.
//
// Where the server is off or gone, or a recovery works on it, Vault and registry are rotated alone: a server that is built
// from now on gets the new credential, because no other can be installed any more.
package credential
