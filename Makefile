# Everything these commands need is fetched and built into .cache; what runs lives in .local.
# Prerequisites: Go, Python 3 and Node.

LOCAL = test -d .cache || echo "First run on this checkout: fetching Go modules and compiling (about a minute)"; \
	go run ./internal/local

demo: ## back up, lose and restore a real Vault on this machine, with measured times
	@$(LOCAL) demo
test: ## everything that proves it: unit and contract tests, linters, then the deployed stack against a real Vault
	@$(LOCAL) test
lint: ## the linters alone
	@$(LOCAL) lint
bench: ## how fast the parts are on this machine, beside what else does the work; goals are printed, nothing is asserted
	@$(LOCAL) bench
up: ## start the platform and leave it running
	@$(LOCAL) up
status: ## what runs
	@$(LOCAL) status
lose-vault: ## kill the running platform's Vault, wipe its disk, start an empty one
	@$(LOCAL) lose-vault
lose-server: ## kill the mail server of the running platform's tenant acme
	@$(LOCAL) lose-server
down: ## stop the platform
	@$(LOCAL) down

.PHONY: demo test lint bench up status lose-vault lose-server down
