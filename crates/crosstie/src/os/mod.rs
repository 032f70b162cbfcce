//! Safe wrappers, one kernel object a file; the only users of rustix and libc.
