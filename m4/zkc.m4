# ZKC_TRY_FLAG(VARIABLE, CFLAGS | LDFLAGS, FLAG)
# Appends FLAG to VARIABLE if compiler and linker take it without a warning.
AC_DEFUN([ZKC_TRY_FLAG], [
AS_VAR_PUSHDEF([zkc_cache], [zkc_cv_flag_$3])dnl
AC_CACHE_CHECK([whether $CC takes $3], [zkc_cache], [
    zkc_saved=$$2
    $2="$$2 -Werror $3"
    AC_LINK_IFELSE([AC_LANG_SOURCE([int main(void) { return 0; }])],
        [AS_VAR_SET([zkc_cache], [yes])], [AS_VAR_SET([zkc_cache], [no])])
    $2=$zkc_saved])
AS_VAR_IF([zkc_cache], [yes], [AS_VAR_APPEND([$1], [" $3"])])
AS_VAR_POPDEF([zkc_cache])dnl
])
