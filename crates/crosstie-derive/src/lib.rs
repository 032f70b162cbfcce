//! `#[derive(Shareable)]` for `crosstie::Shareable`: looks at what the compiler shows of a type, and lets the
//! compiler check the rest.

mod known;

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote};
use syn::{Data, DeriveInput, Error, Field, Fields, Ident, parse_macro_input, parse_quote};

/// Implements `crosstie::Shareable` for a struct; see there for what it promises.
///
/// The struct is `#[repr(C)]` or `#[repr(transparent)]`, all its fields are `Shareable`, it has no `Drop`
/// and no padding. A type parameter has to be `Shareable`.
#[proc_macro_derive(Shareable, attributes(shareable))]
pub fn derive_shareable(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expand(input).unwrap_or_else(|error| error.to_compile_error()).into()
}

fn expand(mut input: DeriveInput) -> Result<TokenStream, Error> {
    check_repr(&input)?;
    let library = library_path(&input)?;
    let name = input.ident.clone();
    for parameter in input.generics.type_params_mut() {
        parameter.bounds.push(parse_quote!(#library::Shareable));
    }
    let fields = fields_of(&input.data)?;
    known::refuse(&fields)?;
    let is_generic = !input.generics.params.is_empty();
    let (impl_generics, type_generics, where_clause) = input.generics.split_for_impl();
    let text = name.to_string();
    let types: Vec<_> = fields.iter().map(|field| &field.ty).collect();
    let names: Vec<_> = fields.iter().enumerate().map(|(at, field)| name_of(at, field)).collect();
    let labels: Vec<_> = names.iter().map(ToString::to_string).collect();
    let checked = if is_generic {
        TokenStream::new()
    } else {
        quote!(const _: () = { let _ = <#name as #library::Shareable>::LAYOUT; };)
    };
    let no_drop = format!(
        "{text} implements Drop, or a field does: who is killed drops nothing, and who maps it drops it too; hold plain data, and \
         clean up when it is read"
    );
    // The library's own containers end in as much padding as their parameters bring along, which nobody reads.
    let may_pad = library.to_string() == "crate";
    let no_padding = format!(
        "{text} has padding, which shows other processes whatever was in memory there: order its fields by size, or add \
         fields such as `reserved: [u8; 4]` where gaps are"
    );
    Ok(quote! {
        // SAFETY: repr(C) or transparent (the derive looked), every field is Shareable (the bounds below), no
        // padding and no drop glue (asserted below).
        #[allow(unsafe_code, reason = "the promise that this derive checks")]
        unsafe impl #impl_generics #library::Shareable for #name #type_generics #where_clause {
            const LAYOUT: u64 = {
                assert!(!::core::mem::needs_drop::<Self>(), #no_drop);
                assert!(#may_pad || 0 #(+ ::core::mem::size_of::<#types>())* == ::core::mem::size_of::<Self>(), #no_padding);
                let hash = #library::shareable::promise::name(#text);
                #(
                    let hash = #library::shareable::promise::fold(hash, #library::shareable::promise::name(#labels));
                    let hash = #library::shareable::promise::fold(hash, <#types as #library::Shareable>::LAYOUT);
                )*
                hash
            };

            fn describe() -> ::std::string::String {
                let fields: &[::std::string::String] = &[
                    #(::std::format!("{}: {}", #labels, <#types as #library::Shareable>::describe())),*
                ];
                ::std::format!("{} {{ {} }}", #text, fields.join(", "))
            }
        }
        #checked
    })
}

fn name_of(at: usize, field: &Field) -> Ident {
    field.ident.clone().unwrap_or_else(|| format_ident!("field_{at}"))
}

fn fields_of(data: &Data) -> Result<Vec<&Field>, Error> {
    let why = "most bytes are no value of it, and another process may write any";
    let refused = |what: &str| {
        Err(Error::new(
            Span::call_site(),
            format!(
                "{what} cannot be Shareable: {why}; hold an integer (u32) and match on it when you read it"
            ),
        ))
    };
    match data {
        Data::Struct(data) => Ok(match &data.fields {
            Fields::Named(fields) => fields.named.iter().collect(),
            Fields::Unnamed(fields) => fields.unnamed.iter().collect(),
            Fields::Unit => Vec::new(),
        }),
        Data::Enum(_) => refused("an enum"),
        Data::Union(_) => refused("a union"),
    }
}

fn check_repr(input: &DeriveInput) -> Result<(), Error> {
    let mut is_fixed = false;
    for attribute in input.attrs.iter().filter(|attribute| attribute.path().is_ident("repr")) {
        attribute.parse_nested_meta(|meta| {
            is_fixed |= meta.path.is_ident("C") || meta.path.is_ident("transparent");
            // What is in parentheses, as in align(64), is the compiler's to check.
            if meta.input.peek(syn::token::Paren) {
                let inside;
                syn::parenthesized!(inside in meta.input);
                let _: TokenStream = inside.parse()?;
            }
            if meta.path.is_ident("packed") {
                return Err(meta.error("a packed struct cannot be Shareable: its fields are not aligned"));
            }
            Ok(())
        })?;
    }
    if is_fixed {
        return Ok(());
    }
    Err(Error::new(
        input.ident.span(),
        "add #[repr(C)]: without it every compiler may order the fields as it likes, and another process was built by another",
    ))
}

/// How the library is named: `crate` inside it (`#[shareable(inside)]`), else `::crosstie`.
fn library_path(input: &DeriveInput) -> Result<TokenStream, Error> {
    let mut path = quote!(::crosstie);
    for attribute in input.attrs.iter().filter(|attribute| attribute.path().is_ident("shareable")) {
        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("inside") {
                path = quote!(crate);
                return Ok(());
            }
            Err(meta.error("not known to Shareable"))
        })?;
    }
    Ok(path)
}
