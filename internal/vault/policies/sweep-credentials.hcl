# SweepCredentials reads how old every tenant's credential is. It cannot open a password.
path "smtp/data/+/admin"      { capabilities = ["read"] }
path "auth/token/revoke-self" { capabilities = ["update"] }
