#pragma once
/// Options, declared once, next to the member they set:
///
///     struct Options {
///       double base = 10000.0;
///       bool interleaved = true;
///       NOPOS_OPTIONS(o) {
///         o.add("rope-theta", &Options::base, "base of the geometric frequencies", nopos::Range{1.0, 1e9});
///         o.add("rope-interleaved", &Options::interleaved, "rotate pairs (2c, 2c+1); otherwise (c, c+d/2)");
///       }
///     };
///
/// From that one place come the check of JSON values, the command-line flag, `--help`, `inspect`, the
/// manifest, and the record in the checkpoint. Names are the flags without the dashes. A member's initial
/// value is its default; a `std::optional` member is "not given" by default. An option that does nothing here
/// needs no member: `ignored` and `refused` declare it.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace nopos {

/// "Not given" (Python's None). Its copy constructor is user-provided, so that it is not trivial: libstdc++
/// 12 assumes that a variant of trivial types, strings and vectors is never valueless, and jumps to a wild
/// address if memory runs out in the middle of a copy.
struct NotGiven {
  NotGiven() noexcept {}
  NotGiven(const NotGiven&) noexcept {}
  NotGiven& operator=(const NotGiven&) noexcept { return *this; }
  friend bool operator==(const NotGiven&, const NotGiven&) = default;
};

/// One option's value.
using Value = std::variant<NotGiven, bool, std::int64_t, double, std::string, std::vector<std::int64_t>,
                           std::vector<double>>;

/// Values by option name.
using Settings = std::map<std::string, Value, std::less<>>;

enum class OptionType { boolean, integer, number, text, integers, numbers };

/// What setting an option does. `no_effect`: accepted and ignored, with one notice to the user. `refused`:
/// any value but the default is an error, because it would change the result and NoPos does not have it.
enum class Effect { active, no_effect, refused };

struct OptionInfo {
  std::string name;
  OptionType type = OptionType::text;
  Value default_value;
  std::string help;
  bool optional = false;             ///< "not given" is a legal value
  std::optional<double> min, max;    ///< inclusive; for lists, of every element
  std::optional<double> above;       ///< the same, exclusive
  std::vector<std::string> choices;  ///< of a text option
  std::vector<std::string> aliases;  ///< further names of the flag
  bool positional = false;           ///< may be given without its flag
  char joint = '\0';                 ///< of a text option that may be repeated: put between its texts
  std::string implied;               ///< the value if the flag is given without one; empty: it needs one
  Effect effect = Effect::active;
  std::string effect_reason;
};

// Constraints: any number of them may follow the help text in `add`.
struct Range {
  double min, max;
};
struct AtLeast {
  double min;
};
struct Above {
  double bound;
};
struct OneOf {
  std::vector<std::string> choices;
};
struct Alias {
  std::string name;
};
struct Positional {};
/// The flag adds up instead of replacing what was given before: `--plugin-path a --plugin-path b` is "a:b".
struct Repeatable {
  char joint;
};
/// The value if the flag is given without one.
struct Implied {
  std::string value;
};
struct NoEffect {
  std::string reason;
};
struct Refused {
  std::string reason;
};

std::string_view to_string(OptionType type);
OptionType option_type(std::string_view name);

/// Checks `value` against the option's type, range, choices and effect; widens integers to numbers and a
/// single number to a list of one. `owner` names the plugin or group in the message ("lr_scheduler/cosine").
/// \throws Error (configuration) naming owner, option, value and range.
Value checked_value(const OptionInfo& option, Value value, std::string_view owner);

/// Parses and checks `text` as given on the command line (lists as "1,2", "[1, 2]" or "(1, 2)"; "None" if
/// optional). \throws Error (configuration)
Value parse_value(const OptionInfo& option, std::string_view text, std::string_view owner);

/// The value as the user would write it; the inverse of `parse_value`.
std::string to_text(const Value& value);

namespace detail {

inline void apply(OptionInfo& info, const Range& range) { info.min = range.min, info.max = range.max; }
inline void apply(OptionInfo& info, const AtLeast& bound) { info.min = bound.min; }
inline void apply(OptionInfo& info, const Above& above) { info.above = above.bound; }
inline void apply(OptionInfo& info, const OneOf& one_of) { info.choices = one_of.choices; }
inline void apply(OptionInfo& info, const Alias& alias) { info.aliases.push_back(alias.name); }
inline void apply(OptionInfo& info, const Positional&) { info.positional = true; }
inline void apply(OptionInfo& info, const Repeatable& repeatable) { info.joint = repeatable.joint; }
inline void apply(OptionInfo& info, const Implied& implied) { info.implied = implied.value; }
inline void apply(OptionInfo& info, const NoEffect& effect) {
  info.effect = Effect::no_effect, info.effect_reason = effect.reason;
}
inline void apply(OptionInfo& info, const Refused& effect) {
  info.effect = Effect::refused, info.effect_reason = effect.reason;
}

template <class T>
struct Member {  // how a member's C++ type is written as a Value
  using Stored =
      std::conditional_t<std::is_same_v<T, bool> || std::is_floating_point_v<T> || !std::is_integral_v<T>, T,
                         std::int64_t>;
  static constexpr bool optional = false;
  static Value to_value(const T& member) { return Value(static_cast<Stored>(member)); }
  static void assign(T& member, const Value& value) { member = static_cast<T>(std::get<Stored>(value)); }
};

template <class T>
struct Member<std::optional<T>> {
  using Stored = typename Member<T>::Stored;
  static constexpr bool optional = true;
  static Value to_value(const std::optional<T>& member) {
    return member ? Member<T>::to_value(*member) : Value();
  }
  static void assign(std::optional<T>& member, const Value& value) {
    if (std::holds_alternative<NotGiven>(value)) {
      member.reset();
    } else {
      Member<T>::assign(member.emplace(), value);
    }
  }
};

template <class T>
constexpr OptionType type_of() {
  using Stored = typename Member<T>::Stored;
  if constexpr (std::is_same_v<Stored, bool>)
    return OptionType::boolean;
  else if constexpr (std::is_same_v<Stored, std::int64_t>)
    return OptionType::integer;
  else if constexpr (std::is_same_v<Stored, double>)
    return OptionType::number;
  else if constexpr (std::is_same_v<Stored, std::string>)
    return OptionType::text;
  else if constexpr (std::is_same_v<Stored, std::vector<std::int64_t>>)
    return OptionType::integers;
  else {
    static_assert(std::is_same_v<Stored, std::vector<double>>,
                  "an option is a bool, integer, double, string or list");
    return OptionType::numbers;
  }
}

/// A default as a member would hold it: text for a literal.
template <class M>
auto option_default(const M& otherwise) {
  if constexpr (std::is_convertible_v<M, std::string>) {
    return std::string(otherwise);
  } else {
    return otherwise;
  }
}

/// \throws Error (configuration) for a key of `settings` that no option of `infos` has, with the nearest
/// name.
void refuse_unknown(const Settings& settings, const std::vector<OptionInfo>& infos, std::string_view owner);

}  // namespace detail

/// The default of an option that has none: `o.ignored("pipeline-balance", not_given<std::string>, ...)`.
template <class T>
inline const std::optional<T> not_given{};

/// Declarations without a member. Where settings are given, they are checked.
class OptionDeclarations {
 public:
  OptionDeclarations(const Settings* settings, std::string_view owner) : settings_(settings), owner_(owner) {}

  /// \return the value that the settings give it, checked; nothing if they give none
  std::optional<Value> declare(OptionInfo info);

  /// An option that is accepted, so that command lines of another program run as they are, and does nothing.
  /// Its type is that of `otherwise`, its default.
  template <class M, class... Constraints>
  void ignored(std::string name, const M& otherwise, std::string help, std::string reason,
               const Constraints&... constraints) {
    declare(described(std::move(name), detail::option_default(otherwise), std::move(help),
                      NoEffect{std::move(reason)}, constraints...));
  }

  /// The same, but any value other than its default is an error: it would change the result, and NoPos does
  /// not have it.
  template <class M, class... Constraints>
  void refused(std::string name, const M& otherwise, std::string help, std::string reason,
               const Constraints&... constraints) {
    declare(described(std::move(name), detail::option_default(otherwise), std::move(help),
                      Refused{std::move(reason)}, constraints...));
  }

  std::vector<OptionInfo> infos;

 protected:
  template <class M, class... Constraints>
  static OptionInfo described(std::string name, const M& otherwise, std::string help,
                              const Constraints&... constraints) {
    OptionInfo info;
    info.name = std::move(name);
    info.type = detail::type_of<M>();
    info.default_value = detail::Member<M>::to_value(otherwise);
    info.help = std::move(help);
    info.optional = detail::Member<M>::optional;
    (detail::apply(info, constraints), ...);
    return info;
  }

 private:
  const Settings* settings_;
  std::string_view owner_;
};

/// What `NOPOS_OPTIONS` fills: visits each declaration, to describe it and, where settings are given, to read
/// it.
template <class T>
class OptionVisitor : public OptionDeclarations {
 public:
  OptionVisitor(T& object, const Settings* settings, std::string_view owner)
      : OptionDeclarations(settings, owner), object_(object) {}

  template <class M, class Base, class... Constraints>
  void add(std::string name, M Base::*member, std::string help, const Constraints&... constraints) {
    const auto value = declare(described(std::move(name), object_.*member, std::move(help), constraints...));
    if (value) detail::Member<M>::assign(object_.*member, *value);
  }

 private:
  T& object_;
};

/// Opens the one function in which a struct declares its options.
#define NOPOS_OPTIONS(o)               \
  template <class NoposOptionVisitor_> \
  static void nopos_options(NoposOptionVisitor_& o)

/// The options of `T`, in the order of declaration.
template <class T>
std::vector<OptionInfo> describe_options() {
  T object;
  OptionVisitor<T> visitor(object, nullptr, "");
  T::nopos_options(visitor);
  return std::move(visitor.infos);
}

/// A `T` with `settings` over its defaults.
/// \throws Error (configuration) for an unknown key, a wrong type or a value out of range.
template <class T>
T read_options(const Settings& settings, std::string_view owner) {
  T object;
  OptionVisitor<T> visitor(object, &settings, owner);
  T::nopos_options(visitor);
  detail::refuse_unknown(settings, visitor.infos, owner);
  return object;
}

}  // namespace nopos
