"""What a user can get wrong ends in a `UserError`: one sentence that says what to do."""


class UserError(ValueError):
  """Bad input. `jaxgen.main` prints its message alone and leaves with exit code 2."""
