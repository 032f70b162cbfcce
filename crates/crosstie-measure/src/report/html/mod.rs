//! One self-contained page: no network, no script.
//!
//! | file | what it makes |
//! |---|---|
//! | `page` | the page around it all |
//! | `tables` | the textbook's table, the floor, the figures by size |
//! | `plots` | which figures go into which plot |
//! | `turns_plots` | the same for taking turns |
//! | `style.css` | light, dark, phone, print |

mod page;
mod plots;
mod tables;
mod turns_plots;

pub use page::html;
