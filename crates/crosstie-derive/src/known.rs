//! Types that are known not to be `Shareable`, by name: for those the message says why, and what to take instead.
//!
//! Any other type is the compiler's to judge. Only names are seen here, so a type of one's own that is called
//! `Vec` is refused too, unless it is written with a path: `my::Vec`.

use syn::{Error, Field, GenericArgument, PathArguments, PathSegment, Type};

/// Why a type is refused, and what to take instead.
struct Known {
    why: &'static str,
    instead: &'static str,
}

const ADDRESS: &str = "it is an address in this process, which means nothing in another";
const ELSEWHERE: &str = "what it holds lies elsewhere in this process's memory, which no other sees";
const NO_VALUE: &str = "most bytes are no value of it, and another process may write any";
const WIDTH: &str = "it has 8 bytes in one program and 4 in another";

/// Refuses fields of types that are known not to be `Shareable`, all at once.
pub fn refuse(fields: &[&Field]) -> Result<(), Error> {
    let refused = fields.iter().enumerate().filter_map(|(at, field)| {
        let (name, Known { why, instead }) = find(&field.ty)?;
        let field_name = super::name_of(at, field);
        let text = format!(
            "`{field_name}`: {name} cannot lie in memory that processes share: {why}; take {instead}"
        );
        Some(Error::new_spanned(&field.ty, text))
    });
    let all = refused.reduce(|mut all, next| {
        all.combine(next);
        all
    });
    all.map_or(Ok(()), Err)
}

/// The first part of the type that is refused.
fn find(ty: &Type) -> Option<(String, Known)> {
    match ty {
        Type::Reference(_) => known("a reference", ADDRESS, "the data itself, or a u32 that is an index"),
        Type::Ptr(_) => known("a pointer", ADDRESS, "the data itself, or a u32 that is an index"),
        Type::BareFn(_) => known("a function", ADDRESS, "a u32, and match on it"),
        Type::Tuple(tuple) if !tuple.elems.is_empty() => known(
            "a tuple",
            "the compiler may order its parts as it likes, and another program's may differ",
            "a struct with #[repr(C)]",
        ),
        Type::Array(array) => find(&array.elem),
        Type::Paren(inner) => find(&inner.elem),
        Type::Group(inner) => find(&inner.elem),
        Type::Path(path) => {
            let last = path.path.segments.last()?;
            let is_std = path
                .path
                .segments
                .first()
                .is_some_and(|first| ["std", "core", "alloc"].iter().any(|name| first.ident == name));
            let is_plain = path.path.segments.len() == 1 || is_std;
            is_plain.then(|| by_name(&last.ident.to_string())).flatten().or_else(|| inside(last))
        }
        _ => None,
    }
}

fn known(name: &str, why: &'static str, instead: &'static str) -> Option<(String, Known)> {
    Some((name.to_owned(), Known { why, instead }))
}

/// What a container holds.
fn inside(segment: &PathSegment) -> Option<(String, Known)> {
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return None };
    // A phantom has no bytes.
    if segment.ident == "PhantomData" {
        return None;
    }
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(ty) => find(ty),
        _ => None,
    })
}

fn by_name(name: &str) -> Option<(String, Known)> {
    let (why, instead) = match name {
        "String" | "str" | "PathBuf" | "OsString" | "CString" => (ELSEWHERE, "crosstie::shareable::Text<N>"),
        "Vec" => (ELSEWHERE, "crosstie::shareable::List<T, N>, or an array"),
        "VecDeque" => (ELSEWHERE, "crosstie::shareable::Deque<T, N>"),
        "HashMap" | "BTreeMap" | "HashSet" | "BTreeSet" => (ELSEWHERE, "crosstie::shareable::List<Entry, N>"),
        "Box" | "Rc" | "Arc" | "Cow" => (ADDRESS, "the data itself, or a u32 that is an index"),
        "bool" => (NO_VALUE, "a u8 that is 0 or not"),
        "char" => (NO_VALUE, "a u32, and char::from_u32 when it is read"),
        "Option" | "Result" => (NO_VALUE, "the value, and a u32 that says whether there is one"),
        "Ordering" => (NO_VALUE, "an i32"),
        "NonZeroU8" | "NonZeroU16" | "NonZeroU32" | "NonZeroU64" => {
            ("0 is no value of it, and another process may write it", "the integer")
        }
        "usize" => (WIDTH, "u64"),
        "isize" => (WIDTH, "i64"),
        "AtomicUsize" => (WIDTH, "AtomicU64"),
        "AtomicIsize" => (WIDTH, "AtomicI64"),
        "AtomicBool" => (NO_VALUE, "AtomicU8"),
        "AtomicPtr" => (ADDRESS, "an AtomicU64 that is an index"),
        "Duration" | "Instant" | "SystemTime" => ("its parts are the compiler's own", "a u64 of nanoseconds"),
        "File" | "OwnedFd" | "TcpStream" | "UnixStream" => (
            "a descriptor is a number in this process alone",
            "a Text<N> with its path, or send it over unix:",
        ),
        "Cell" | "RefCell" | "UnsafeCell" => (
            "nothing keeps other processes from it meanwhile",
            "an atomic, or the value under a crosstie::sync::Mutex",
        ),
        _ => return None,
    };
    known(name, why, instead)
}
