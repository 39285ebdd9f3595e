package mailu

import "log/slog"

// makeAdmin does what the admin container does with INITIAL_ADMIN_* at every start: create fails, harmlessly, when the
// account exists; ifmissing leaves it alone; update sets its password again, whatever it was changed to since.
func makeAdmin(store *store, admin InitialAdmin, log *slog.Logger) error {
	if admin.Account == "" {
		return nil
	}
	user := newAccount(admin.Address())
	user.GlobalAdmin = true
	if err := user.apply(map[string]any{"raw_password": admin.Password}); err != nil {
		return err
	}
	return store.change(func(d *database) error {
		if d.domain(admin.Domain) < 0 {
			d.Domains = append(d.Domains, newDomain(admin.Domain))
		}
		existing := d.user(admin.Address())
		switch {
		case existing == nil:
			d.Users = append(d.Users, user)
		case admin.Mode == "update":
			existing.Password = user.Password
		case admin.Mode == "create":
			log.Warn("the initial admin exists already", "address", admin.Address())
		}
		return nil
	})
}
