# FindStaleCredentials compares the id of every tenant's credential with the registry's. It cannot open a password.
path "smtp/data/+/admin"      { capabilities = ["read"] }
path "auth/token/revoke-self" { capabilities = ["update"] }
